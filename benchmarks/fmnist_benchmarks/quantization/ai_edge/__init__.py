"""The int8 files of ai-edge-quantizer and of fmnist-export, compared on the same model."""
