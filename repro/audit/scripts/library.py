"""What is known of libraries by name: which functions load, save and convert, and which framework computes."""

import re

from repro.audit.discovery import words

# Package, or a word in its name or in the name of a file -> the framework.
FRAMEWORKS = {
    **dict.fromkeys("torch pytorch torchvision torchaudio timm transformers lightning pl fairseq".split(), "torch"),
    **dict.fromkeys("paddle paddlepaddle paddlenlp paddleocr paddlevision ppcls paddleseg ppdet pp".split(), "paddle"),
    **dict.fromkeys("tensorflow tf keras".split(), "tensorflow"),
    **dict.fromkeys("jax jnp flax haiku".split(), "jax"),
    **dict.fromkeys("mindspore mindnlp ms".split(), "mindspore"),
    **{name: name for name in "jittor oneflow megengine mxnet onnx".split()},
    "onnxruntime": "onnx",
}
_NAMES = {name: name for name in FRAMEWORKS.values()} | {"pytorch": "torch", "tf": "tensorflow", "keras": "tensorflow"}

# What scripts call a package where the excerpt does not import it.
ALIASES = {"np": "numpy", "F": "torch.nn.functional", "nn": "torch.nn"}
ALIASES |= {name: name for name in "numpy pickle json os joblib glob sys shutil argparse".split()}
ALIASES |= {name: name for name in FRAMEWORKS if len(name) > 2}

LOADERS = frozenset(
    "load load_info load_file load_npz loadtxt loadmat genfromtxt fromfile memmap read_csv read_pickle read_json"
    " read_hdf safe_load full_load loads safe_open File load_json load_pickle load_dump read_dump fromstring".split()
)
_FILE = re.compile(r"\.(?:np[yz]|pkl|pickle|pt|pth|bin|ckpt|pdparams|pdopt|pdtensor|safetensors|h5|hdf5|csv|txt|json)$")
_LOADER = re.compile(r"_?(?:load|read)_\w+")
LOAD_OTHERS = frozenset(
    "load_state_dict set_state_dict load_dataset load_weights load_model load_ext read_text".split()
)
SAVE_OBJECT_FIRST = frozenset({"dump", "save_file", "save_model"})  # and ``save`` of a framework
SAVE_PATH_FIRST = frozenset({"save", "savetxt", "save_npz"})
SAVE_RECEIVER = frozenset("tofile to_csv to_pickle to_json".split())
COPIERS = frozenset(
    "shutil.copy shutil.copy2 shutil.copyfile shutil.move os.rename os.replace os.link os.symlink".split()
)
ARCHIVERS = frozenset({"savez", "savez_compressed"})  # (path, *arrays, **arrays)
# Same numbers in another container or shape.
CONVERSIONS = frozenset(
    "numpy detach cpu cuda to item tolist clone copy deepcopy astype asnumpy contiguous reshape squeeze flatten ravel"
    " view unsqueeze expand_dims transpose permute T data array asarray ascontiguousarray to_tensor tensor from_numpy"
    " as_tensor Tensor to_variable convert_to_tensor float double half int list tuple sorted requires_grad_ cast"
    " device_get float16 float32 float64 block_until_ready values".split()
)
# Drawn or created, or weights: what both sides share by right.
CREATORS = frozenset(
    "rand randn randint random normal uniform zeros ones full arange linspace eye randperm seed manual_seed"
    " default_rng RandomState zeros_like ones_like rand_like randn_like standard_normal choice permutation FloatTensor"
    " LongTensor"
    " state_dict parameters named_parameters get_weights trainable_variables weight bias DataLoader"
    " shape dtype size get_lr get_last_lr last_lr".split()
)
_DATA_PACKAGES = re.compile(
    r"\.(?:utils\.data|io|datasets?|transforms|random|lr_scheduler|optimizer\.lr)\b|[Tt]okeniz|Processor"
)
# Files and keys that hold what both sides share by right.
DATA_WORDS = frozenset(
    "input inputs data image images img label labels target targets weight weights param params parameters state dict"
    " ckpt checkpoint pretrained ids mask masks fake seed seeds gt init lr rate rates batch sample samples dataset"
    " feats tokens token attention config vocab bias embedding".split()
)


def is_loader(name: str, path: object) -> bool:
    """Whether a function loads the file that its first argument names; of unknown functions the name decides."""
    if name in LOADERS:
        return True
    named = _LOADER.fullmatch(name) is not None and name not in LOAD_OTHERS
    return named and isinstance(path, str) and _FILE.search(path) is not None


def framework_of(full: str) -> str:
    """The framework that a dotted name belongs to: ``paddle`` for ``paddlenlp.transformers.BertModel``."""
    package, last = full.partition(".")[0], full.rpartition(".")[2]
    if package == "transformers" and last.startswith(("TF", "Flax")):
        return "tensorflow" if last.startswith("TF") else "jax"
    return FRAMEWORKS.get(package) or framework_named(full)


def framework_named(text: str) -> str:
    """The framework whose name is a word of a text; empty where there is none, or more than one."""
    named = {_NAMES[word] for word in words(text) if word in _NAMES}
    return named.pop() if len(named) == 1 else ""


def creates_data(full: str) -> bool:
    """Whether a function draws or creates numbers, or gives weights, rather than computes a result."""
    return full.rpartition(".")[2] in CREATORS or _DATA_PACKAGES.search(full) is not None


def names_data(*texts: str) -> bool:
    """Whether names say that something is an input or a weight."""
    for text in texts:
        named = {word for word in words(text) if not word.isdecimal()}
        if named & DATA_WORDS or (named and named <= {"x", "y"}):
            return True
    return False
