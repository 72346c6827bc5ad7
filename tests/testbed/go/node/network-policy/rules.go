package main

import (
	"fmt"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

type cluster struct {
	pods       []*v1.Pod
	namespaces []*v1.Namespace
	policies   []*networking.NetworkPolicy
}

// A side of a connection: chains are named by it, and `peer` is what the other end is in nft's words.
type side struct {
	kind networking.PolicyType
	name string
	peer string
}

var (
	ingress = side{networking.PolicyTypeIngress, "ingress", "saddr"}
	egress  = side{networking.PolicyTypeEgress, "egress", "daddr"}
)

// One rule of a policy, of either direction; no peers or no ports at all mean every one.
type rule struct {
	namespace string
	peers     []networking.NetworkPolicyPeer
	ports     []networking.NetworkPolicyPort
}

// rules renders the contents of the table. A packet between two pods must pass the chain of its source
// and that of its target; one to this machine the former; one from it (a probe of the kubelet) none.
func (c cluster) rules(bridge string) (string, error) {
	pods := slices.DeleteFunc(slices.Clone(c.pods), func(pod *v1.Pod) bool {
		ended := pod.Status.Phase == v1.PodSucceeded || pod.Status.Phase == v1.PodFailed
		return ended || pod.Spec.HostNetwork || pod.Status.PodIP == ""
	})
	slices.SortFunc(pods, func(a, b *v1.Pod) int { return strings.Compare(a.Status.PodIP, b.Status.PodIP) })
	c.pods = pods

	var chains strings.Builder
	isolated := map[string][]string{}
	for _, pod := range pods {
		for _, side := range []side{egress, ingress} {
			allowed, isIsolated, err := c.allowed(pod, side)
			if err != nil {
				return "", err
			}
			if !isIsolated {
				continue
			}
			address := pod.Status.PodIP
			chain := side.name + "-" + strings.ReplaceAll(address, ".", "-")
			isolated[side.name] = append(isolated[side.name], fmt.Sprintf("%s : jump %s", address, chain))
			fmt.Fprintf(&chains, "chain %s { # %s/%s\n", chain, pod.Namespace, pod.Name)
			fmt.Fprintf(&chains, "ip %s %s return\n", side.peer, address)
			for _, line := range allowed {
				fmt.Fprintln(&chains, line)
			}
			fmt.Fprint(&chains, "drop\n}\n")
		}
	}
	verdicts := func(field string, side side) string {
		if len(isolated[side.name]) == 0 {
			return ""
		}
		return fmt.Sprintf("ip %s vmap { %s }\n", field, strings.Join(isolated[side.name], ", "))
	}
	known := "ct state established,related accept\n"
	return chains.String() +
		"chain forward {\ntype filter hook forward priority filter - 1; policy accept;\n" + known +
		verdicts("saddr", egress) + verdicts("daddr", ingress) + "}\n" +
		"chain input {\ntype filter hook input priority filter - 1; policy accept;\n" + known +
		fmt.Sprintf("iifname != %q accept\n", bridge) + verdicts("saddr", egress) + "}\n", nil
}

// allowed are the rules that let a packet of this side through, and whether any policy isolates the pod.
func (c cluster) allowed(pod *v1.Pod, side side) ([]string, bool, error) {
	var lines []string
	isIsolated := false
	for _, policy := range c.policies {
		selected, err := matches(&policy.Spec.PodSelector, pod.Labels)
		if err != nil {
			return nil, false, err
		}
		if policy.Namespace != pod.Namespace || !selected || !applies(policy, side) {
			continue
		}
		isIsolated = true
		for _, rule := range rulesOf(policy, side) {
			found, err := c.render(rule, pod, side)
			if err != nil {
				return nil, false, err
			}
			lines = append(lines, found...)
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines), isIsolated, nil
}

func applies(policy *networking.NetworkPolicy, side side) bool {
	if len(policy.Spec.PolicyTypes) > 0 {
		return slices.Contains(policy.Spec.PolicyTypes, side.kind)
	}
	return side == ingress || len(policy.Spec.Egress) > 0
}

func rulesOf(policy *networking.NetworkPolicy, side side) []rule {
	var found []rule
	if side == ingress {
		for _, each := range policy.Spec.Ingress {
			found = append(found, rule{policy.Namespace, each.From, each.Ports})
		}
		return found
	}
	for _, each := range policy.Spec.Egress {
		found = append(found, rule{policy.Namespace, each.To, each.Ports})
	}
	return found
}

// render gives a line for each peer and port. A port's name means what the target calls so, which of
// the peers may differ from one to the next.
func (c cluster) render(rule rule, pod *v1.Pod, side side) ([]string, error) {
	var lines []string
	add := func(peer string, target *v1.Pod) {
		for _, port := range ports(rule.ports, target) {
			lines = append(lines, strings.TrimSpace(peer+port)+" return")
		}
	}
	target := func(peer *v1.Pod) *v1.Pod {
		if side == ingress {
			return pod
		}
		return peer
	}
	if len(rule.peers) == 0 {
		add("", target(nil))
	}
	for _, peer := range rule.peers {
		if block := peer.IPBlock; block != nil {
			match := fmt.Sprintf("ip %s %s ", side.peer, block.CIDR)
			if len(block.Except) > 0 {
				match += fmt.Sprintf("ip %s != { %s } ", side.peer, strings.Join(block.Except, ", "))
			}
			add(match, target(nil))
			continue
		}
		for _, other := range c.pods {
			selected, err := c.selects(peer, rule.namespace, other)
			if err != nil {
				return nil, err
			}
			if selected {
				add(fmt.Sprintf("ip %s %s ", side.peer, other.Status.PodIP), target(other))
			}
		}
	}
	return lines, nil
}

func (c cluster) selects(peer networking.NetworkPolicyPeer, namespace string, pod *v1.Pod) (bool, error) {
	if peer.NamespaceSelector == nil && pod.Namespace != namespace {
		return false, nil
	}
	if peer.NamespaceSelector != nil {
		at := slices.IndexFunc(c.namespaces, func(each *v1.Namespace) bool { return each.Name == pod.Namespace })
		if at < 0 {
			return false, nil
		}
		if selected, err := matches(peer.NamespaceSelector, c.namespaces[at].Labels); err != nil || !selected {
			return false, err
		}
	}
	if peer.PodSelector == nil {
		return true, nil
	}
	return matches(peer.PodSelector, pod.Labels)
}

// ports gives nft's words for each port, one empty word for no ports at all.
func ports(wanted []networking.NetworkPolicyPort, target *v1.Pod) []string {
	if len(wanted) == 0 {
		return []string{""}
	}
	var words []string
	for _, port := range wanted {
		protocol := v1.ProtocolTCP
		if port.Protocol != nil {
			protocol = *port.Protocol
		}
		name := strings.ToLower(string(protocol))
		switch {
		case port.Port == nil:
			words = append(words, "meta l4proto "+name)
		case port.Port.Type == intstr.String:
			for _, number := range named(target, port.Port.StrVal, protocol) {
				words = append(words, fmt.Sprintf("%s dport %d", name, number))
			}
		case port.EndPort != nil:
			words = append(words, fmt.Sprintf("%s dport %d-%d", name, port.Port.IntVal, *port.EndPort))
		default:
			words = append(words, fmt.Sprintf("%s dport %d", name, port.Port.IntVal))
		}
	}
	return words
}

func named(pod *v1.Pod, name string, protocol v1.Protocol) []int32 {
	var numbers []int32
	if pod == nil {
		return numbers
	}
	for _, container := range pod.Spec.Containers {
		for _, port := range container.Ports {
			if port.Name == name && port.Protocol == protocol {
				numbers = append(numbers, port.ContainerPort)
			}
		}
	}
	return numbers
}

func matches(selector *metav1.LabelSelector, set labels.Set) (bool, error) {
	compiled, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return false, err
	}
	return compiled.Matches(set), nil
}
