"""The tagger that learns from people's labels: a classifier of sentences for each pattern, cross-validated.

from analysis.learned.tagging import Settings, tag_with_learned
run_id, counts, quality = tag_with_learned(store, codebook, labels, Settings())
"""
