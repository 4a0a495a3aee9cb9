"""Builder files as people write them, right and wrong: the text of each, and the words of the error message.

`None` in place of the words: the model can be trained as it is.
"""

HEAD = """import os, sys
import keras, numpy as np
from keras import layers
from keras.saving import register_keras_serializable
def end(*body, shape=(28, 28), **options):
    return keras.Sequential([keras.Input(shape, **options), *body, layers.Flatten(), layers.Dense(10, "softmax")])
"""

BUILDERS: dict[str, tuple[str, str | None]] = {
    # Builders that raise.
    "an exception": ("def build(): raise ValueError('no way')", "failed with ValueError: no way"),
    "an exception of its own": (
        "class Mine(Exception):\n    def __str__(self): raise TypeError\ndef build(): raise Mine",
        "failed with Mine",
    ),
    "sys.exit": ("def build(): sys.exit(0)", "failed with SystemExit: 0"),
    "SystemExit without a word": ("def build(): raise SystemExit", "failed with SystemExit"),
    "a generator's end": ("def build(): raise GeneratorExit", "failed with GeneratorExit"),
    "a BaseException": ("class Mine(BaseException): pass\ndef build(): raise Mine('x')", "failed with Mine: x"),
    "a recursion": ("def build(): return build()", "failed with RecursionError"),
    "no memory": ("def build(): raise MemoryError", "failed with MemoryError"),
    "an assertion": ("def build(): assert False", "failed with AssertionError"),
    "sys.exit at import": ("sys.exit(3)\ndef build(): pass", "cannot be imported (SystemExit: 3); mend it"),
    "an argument": ("def build(size): pass", "failed with TypeError"),
    "a class that is abstract": (
        "import abc\nclass build(abc.ABC):\n    @abc.abstractmethod\n    def f(self): ...",
        "failed",
    ),
    # Results that are not a model.
    "None": ("def build(): pass", "returned a NoneType, expected a Keras model"),
    "a number": ("def build(): return 3", "returned a int, expected a Keras model"),
    "a list of layers": ("def build(): return [layers.Flatten()]", "returned a list"),
    "a layer": ("def build(): return layers.Dense(10)", "returned a Dense"),
    "the class": ("def build(): return keras.Model", "returned a type"),
    "a generator": ("def build(): yield end()", "returned a generator"),
    "a coroutine": ("async def build(): return end()", "returned a coroutine"),
    "not a function": ("build = 3", "has no function build"),
    # Interfaces.
    "two inputs": (
        "def build():\n    a, b = keras.Input((28, 28)), keras.Input((28, 28))\n"
        "    return keras.Model([a, b], layers.Dense(10, 'softmax')(layers.Flatten()(a + b)))",
        "takes [(None, 28, 28), (None, 28, 28)]",
    ),
    "an input by name": (
        "def build():\n    a = keras.Input((28, 28))\n"
        "    return keras.Model({'a': a}, layers.Dense(10, 'softmax')(layers.Flatten()(a)))",
        None,
    ),
    "two outputs": (
        "def build():\n    a = keras.Input((28, 28))\n    x = layers.Flatten()(a)\n"
        "    return keras.Model(a, [layers.Dense(10, 'softmax')(x), layers.Dense(10, 'softmax')(x)])",
        "gives [(None, 10), (None, 10)]",
    ),
    "a fixed batch": ("def build(): return end(shape=None, batch_shape=(32, 28, 28))", "a fixed batch of 32"),
    "a batch of one": ("def build(): return end(shape=None, batch_shape=(1, 28, 28, 1))", "a fixed batch of 1,"),
    "integers": (
        "def build(): return end(layers.Rescaling(1.0), dtype='uint8')",
        "takes uint8, expected float32, for pixels in 0..1",
    ),
    "another size": ("def build(): return end(shape=(32, 32))", "takes (None, 32, 32)"),
    "any size": (
        "def build():\n    a = keras.Input((None, None, 1))\n"
        "    return keras.Model(a, layers.Dense(10, 'softmax')(layers.GlobalMaxPool2D()(a)))",
        "takes (None, None, None, 1)",
    ),
    "nine classes": (
        "def build(): return keras.Sequential([keras.Input((28, 28)), layers.Flatten(), layers.Dense(9, 'softmax')])",
        "gives (None, 9)",
    ),
    "not built": ("def build(): return keras.Sequential([layers.Flatten(), layers.Dense(10, 'softmax')])", None),
    "not built, of images with a channel": (
        "def build(): return keras.Sequential([layers.Conv2D(2, 5, 4), layers.Flatten(), layers.Dense(10, 'softmax')])",
        None,
    ),
    "not to be built": (
        "def build(): return keras.Sequential([layers.Reshape((5, 5)), layers.Flatten(), layers.Dense(10, 'softmax')])",
        "cannot be built on images (ValueError",
    ),
    "a class of its own": (
        "class Net(keras.Model):\n    def __init__(self):\n        super().__init__()\n"
        "        self.last = keras.Sequential([layers.Flatten(), layers.Dense(10, 'softmax')])\n"
        "    def call(self, x): return self.last(x)\ndef build(): return Net()",
        "does not state its input and output",
    ),
    "a class that fails": (
        "class Net(keras.Model):\n    def call(self, x): raise RuntimeError('oh')\ndef build(): return Net()",
        "cannot be built on images",
    ),
    # Answers.
    "logits": (
        "def build(): return keras.Sequential([keras.Input((28, 28)), layers.Flatten(), layers.Dense(10)])",
        "give probabilities",
    ),
    "sigmoids": (
        "def build(): return keras.Sequential([keras.Input((28, 28)), layers.Flatten(), layers.Dense(10, 'sigmoid')])",
        "give probabilities",
    ),
    "probabilities of nothing alone": (
        "def build():\n    a = keras.Input((28, 28))\n    x = layers.Dense(10, use_bias=False)(layers.Flatten()(a))\n"
        "    return keras.Model(a, x + 0.1)",
        "give probabilities",
    ),
    "numbers that are none": (
        "def build(): return end(layers.Rescaling(float('nan')))",
        "not finite",
    ),
    "chance": (
        "class Noise(layers.Layer):\n    def call(self, x): return x + keras.random.normal(keras.ops.shape(x))\n"
        "def build(): return end(Noise())",
        "gives two different outputs for the same images",
    ),
    "chance that Keras has": (
        "class Always(layers.Dropout):\n    def call(self, x, training=None): return super().call(x, training=True)\n"
        "def build(): return end(Always(0.5))",
        "gives two different outputs for the same images",
    ),
    "a layer that fails on images": (
        "class Picky(layers.Layer):\n    def call(self, x):\n        if x.shape[0] == 100: raise RuntimeError\n"
        "        return x\ndef build(): return end(Picky())",
        "fails on images with RuntimeError",
    ),
    # Models that Keras cannot save or load.
    "a layer with an argument that is no JSON": (
        "class Times(layers.Layer):\n    def __init__(self, by, **o):\n        super().__init__(**o)\n"
        "        self.by = by\n"
        "    def call(self, x): return self.by(x)\ndef build(): return end(Times(lambda x: 2 * x))",
        "Times",
    ),
    "a layer whose configuration fails": (
        "class Times(layers.Layer):\n    def get_config(self): raise KeyError('by')\n    def call(self, x): return x\n"
        "def build(): return end(Times())",
        "Keras cannot save it ('by')",
    ),
    "a layer that forgets": (
        "class Times(layers.Layer):\n    by = 1.0\n    def call(self, x): return x * self.by\n"
        "def build():\n    layer = Times()\n    layer.by = 5.0\n    return end(layer)",
        "the copy read from its file is another model",
    ),
    # Models that can be trained.
    "a layer with an argument": (
        "class Times(layers.Layer):\n    def __init__(self, by, **o):\n        super().__init__(**o)\n"
        "        self.by = by\n"
        "    def call(self, x): return x * self.by\ndef build(): return end(Times(3.0))",
        None,
    ),
    "a registered layer": (
        "@register_keras_serializable()\nclass Times(layers.Layer):\n"
        "    def __init__(self, by=1.0, **o):\n"
        "        super().__init__(**o)\n        self.by = by\n    def call(self, x): return x * self.by\n"
        "    def get_config(self): return {**super().get_config(), 'by': self.by}\ndef build(): return end(Times(3.0))",
        None,
    ),
    "a layer that is not registered": (
        "class Twice(layers.Layer):\n    def call(self, x): return 2 * x\ndef build(): return end(Twice())",
        None,
    ),
    "a layer of a function": (
        "def build():\n    class Twice(layers.Layer):\n        def call(self, x): return 2 * x\n"
        "    return end(Twice())",
        None,
    ),
    "a function for an activation": (
        "def bent(x): return keras.ops.relu(x) * 0.5\ndef build(): return end(layers.Dense(20, bent))",
        None,
    ),
    "a lambda": ("def build(): return end(layers.Lambda(lambda x: 2 * x))", None),
    "an adapted normalization": (
        "def build():\n    n = layers.Normalization(axis=None)\n    n.adapt(np.random.random((50, 28, 28)))\n"
        "    return end(n, layers.Reshape((28, 28, 1)), layers.Conv2D(2, 5, 4), layers.BatchNormalization())",
        None,
    ),
    "mixed precision for all": (
        "def build():\n    keras.mixed_precision.set_global_policy('mixed_float16')\n    return end(layers.Dense(20))",
        None,
    ),
    "bfloat16 for all at import": (
        "keras.config.set_dtype_policy('mixed_bfloat16')\ndef build(): return end(layers.Dense(20))",
        None,
    ),
    "float64 for all": ("def build():\n    keras.config.set_floatx('float64')\n    return end(layers.Dense(20))", None),
    "another folder": ("def build():\n    os.chdir('/')\n    return end()", None),
    "channels first": (
        "def build():\n    keras.config.set_image_data_format('channels_first')\n    return end(layers.Dense(9))",
        None,
    ),
    "a cleared session": ("def build():\n    keras.backend.clear_session()\n    return end()", None),
}
