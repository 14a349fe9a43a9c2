"""A real one-node cluster without a container engine: kubelet, containerd and kube-proxy beside the local control plane.

The tests of the image and the chart use it. It needs Linux and root. The node has its own namespaces (network, mounts,
processes). When its first process ends, its mounts, rules, interfaces and containers are gone.
"""
