// Command network-policy enforces the NetworkPolicies of the testbed's one node: it renders them all,
// with the pods that they select, as one table of nftables, whenever something changes.
//
// As with any implementation, a pod's rules are there from the moment that its address is known to the
// API server, a moment after its start. What is forbidden is dropped: who connects before that moment to
// a pod that lets it in tries again by TCP's own means.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// Changes come in groups: a namespace's policies, a rollout's pods.
const settle = 30 * time.Millisecond

func load(table string, rules string) error {
	// The first line makes the second possible when there is no table yet; all is one transaction.
	script := fmt.Sprintf("table ip %[1]s {}\ndelete table ip %[1]s\ntable ip %[1]s {\n%[2]s}\n", table, rules)
	command := exec.Command("nft", "-f", "-")
	command.Stdin = strings.NewReader(script)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s\n%s", err, output, script)
	}
	return nil
}

func run() error {
	kubeconfig := flag.String("kubeconfig", "", "kubeconfig file")
	table := flag.String("table", "", "name of the table, of family ip, that belongs to this program")
	bridge := flag.String("bridge", "", "interface that the pods hang on")
	flag.Parse()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	changed := make(chan struct{}, 1)
	notice := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { notice() },
		UpdateFunc: func(any, any) { notice() },
		DeleteFunc: func(any) { notice() },
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	pods, namespaces := factory.Core().V1().Pods(), factory.Core().V1().Namespaces()
	policies := factory.Networking().V1().NetworkPolicies()
	for _, informer := range []cache.SharedIndexInformer{
		pods.Informer(), namespaces.Informer(), policies.Informer(),
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("%v cannot be listed", kind)
		}
	}
	notice()

	loaded := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			time.Sleep(settle)
		}
		var all cluster
		if all.pods, err = pods.Lister().List(labels.Everything()); err != nil {
			return err
		}
		if all.namespaces, err = namespaces.Lister().List(labels.Everything()); err != nil {
			return err
		}
		if all.policies, err = policies.Lister().List(labels.Everything()); err != nil {
			return err
		}
		rules, err := all.rules(*bridge)
		if err == nil && rules != loaded {
			if err = load(*table, rules); err == nil {
				loaded = rules
			}
		}
		if err != nil {
			return err
		}
	}
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
