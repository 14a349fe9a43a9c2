"""A real one-node cluster without a container engine: kubelet, containerd and kube-proxy beside the local control plane.

For the tests of the image and the chart, as root on Linux. The node has namespaces of its own (network, mounts, processes),
so that whatever it makes (mounts, rules, interfaces, containers) is gone when its first process is.
"""
