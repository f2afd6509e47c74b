"""Texts by meaning: embeddings of findings' quotes and of segments, clusters of them, and search.

from analysis.cluster.clusterings import cluster
found = cluster(store, "findings")
"""
