//go:build tools

// The command that lints the workflows; go.sum locks it.
package tools

import _ "github.com/rhysd/actionlint/cmd/actionlint"
