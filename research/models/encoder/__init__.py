"""A pretrained encoder that reads a sentence in its article: what goes into it, how it is run, how it is trained.

weights -> tokens -> passages -> batches -> network -> training, and runtime for inference. Only network, training and
the PyTorch side of runtime import torch.
"""
