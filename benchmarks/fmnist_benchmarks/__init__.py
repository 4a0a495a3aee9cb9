"""Measurements of fmnist-edge: every number that the documentation states comes from one of these commands.

fmnist-benchmark (command.py) is the one that people run on a device. The others answer one question each, for whoever
works on fmnist-edge; each prints a text, or one JSON document with --json, and explains itself with --help.

    fmnist-benchmark MODEL...                 how fast does a model answer on this machine?

    python -m fmnist_benchmarks.MODULE        question
    peers                                     how fast are the usual ways to run the same model from Python?
    peers.overhead                            what does the Classifier cost over the interpreter's own invoke()?
    frontier                                  how accurate are the models for their size and latency?
    errors                                    where are the models wrong, and are their scores to be trusted?
    photos                                    how much accuracy does the way through a photo cost?
    quantization.ai_edge                      how does int8 compare with ai-edge-quantizer's on the same model?
    quantization.int8_recipes                 what does each way to quantize to int8 give?
    quantization.proving                      what does a proof of 10,000 images cost over bare invokes?
    scaling                                   how does latency grow with images, model size, threads and processes?
    scaling.instructions                      how many instructions does one inference take?
    startup.cold_start                        how long does fmnist-classify take from process start to answer?
    startup.cold_stages                       how long does each stage of that start take?
    startup.memory                            does resident memory grow over many inferences?
    training                                  how much faster is fmnist-train than the tutorial's own lines?
    training.convolutions                     what makes training a convolutional model on a CPU fast?
    training.distributed                      what do two training workers gain over one process?
    training.seeds                            how much does a model's accuracy depend on the seed?
    publish.record                            measures one machine and keeps the results in benchmarks/results/
    publish.tables                            writes the documentation's tables from these results

Started by these commands in processes of their own, not by people: measure.worker, peers.calls,
quantization.ai_edge.recipes, scaling.random_models, scaling.roofline.

The rooms: `measure` is what fmnist-benchmark needs on a device, `output` what becomes of a measurement (text, figure,
comparison with a baseline); both need nothing beyond fmnist_runtime. One room for each question stands on these.
"""
