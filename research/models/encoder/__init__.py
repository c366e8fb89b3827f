"""A pretrained encoder that reads a sentence in its article: what goes into it, how it is run, how it is trained.

weights -> tokens -> passages -> batches -> network -> training, runtime for inference, and embeddings for what a frozen
encoder gives. Only network, training, the PyTorch side of runtime and the export in onnx
import torch.
"""
