//go:build tools

// Package tools keeps MinIO in go.mod, so that the go command builds it as a dependency.
package tools

import _ "github.com/minio/minio"
