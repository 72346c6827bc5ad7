// Command etcd is the server of go.etcd.io/etcd, whose own main package is not in its server module.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
