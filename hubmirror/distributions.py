"""Which distribution of pip's brings which module: the names that do not say it themselves.

Knows nothing of any environment. A module that is not here has either a distribution of its
own name, or one that nobody here knows.
"""

from __future__ import annotations

import re

_BRINGS: dict[str, tuple[str, ...]] = {
    "Crypto": ("pycryptodome",),
    "OpenSSL": ("pyOpenSSL",),
    "PIL": ("Pillow", "pillow-simd"),
    "attr": ("attrs",),
    "bs4": ("beautifulsoup4",),
    "clip": ("openai-clip",),
    "cupy": ("cupy-cuda12x", "cupy-cuda11x", "cupy"),
    "cv2": (
        "opencv-python",
        "opencv-python-headless",
        "opencv-contrib-python",
        "opencv-contrib-python-headless",
    ),
    "dateutil": ("python-dateutil",),
    "distutils": ("setuptools",),  # for Python 3.12 and newer, which has none of its own
    "dora": ("dora-search",),
    "dotenv": ("python-dotenv",),
    "faiss": ("faiss-cpu", "faiss-gpu", "faiss-gpu-cu12"),
    "git": ("GitPython",),
    "google.protobuf": ("protobuf",),
    "hydra": ("hydra-core",),
    "lightning_fabric": ("lightning-fabric", "lightning"),
    "mmcv": ("mmcv", "mmcv-full"),
    "mpl_toolkits": ("matplotlib",),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
    "open_clip": ("open-clip-torch",),
    "pkg_resources": ("setuptools",),
    "pytorch_lightning": ("pytorch-lightning", "lightning"),
    "pywt": ("PyWavelets",),
    "ruamel.yaml": ("ruamel.yaml",),
    "skimage": ("scikit-image",),
    "sklearn": ("scikit-learn",),
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
    "umap": ("umap-learn",),
    "whisper": ("openai-whisper",),
    "yaml": ("PyYAML",),
    "zmq": ("pyzmq",),
}

# Distributions whose module has their own name, as far as hub repos want them.
_OF_ONE_NAME = """
    accelerate addict aiohttp albumentations av bitarray boto3 botocore braceexpand certifi
    click cloudpickle colorama coloredlogs crepe cython datasets decord deepspeed diffq
    diffusers dill dominate editdistance efficientnet_pytorch einops evaluate fairscale fairseq
    fastapi fastbpe filelock fire flash_attn flask fsspec ftfy fvcore g2p_en gdown gradio gsplat
    h5py hdbscan huggingface_hub hyperpyyaml imageio imageio_ffmpeg importlib_metadata inflect
    iopath ipdb ipython jinja2 jiwer joblib jsonschema julius kaldiio kornia kornia_moons
    lameenc librosa lightning llvmlite lmdb loguru lpips lxml matplotlib ml_collections mlflow
    mmdet mmengine moviepy munch musdb museval natten networkx ninja nltk numba numpy omegaconf
    onnx onnxruntime onnxsim open3d openunmix orjson packaging pandas parameterized peft pesq
    phonemizer plotly pretrainedmodels pretty_midi prettytable protobuf psutil pycocotools
    pydantic pydub pyloudnorm pynvml pyrender pystoi pytest python_speech_features pytorchvideo
    pyworld pyyaml ray regex requests resampy rich roma sacrebleu sacremoses safetensors scipy
    seaborn sentence_transformers sentencepiece setuptools shapely simplejson six skorch
    sounddevice soundfile soxr spacy speechbrain submitit subword_nmt supervision sympy tabulate
    tensorboard tensorboardx termcolor thop tiktoken timm tokenizers toml torch torchaudio
    torchcrepe torchmetrics torchsummary torchtext torchvision tqdm transformers treetable
    trimesh triton tslearn typing_extensions ujson ultralytics unidecode urllib3 validators
    vector_quantize_pytorch visdom wandb webdataset werkzeug wget xformers yacs yapf zarr
"""


def normalized(name: str) -> str:
    """Return a distribution's name as indexes compare it: ``a_b`` is ``a-b``."""
    return re.sub(r"[-_.]+", "-", name).lower()


_KNOWN = frozenset(
    normalized(name)
    for name in (*_OF_ONE_NAME.split(), *(n for names in _BRINGS.values() for n in names))
)


def module_key(module: str) -> str:
    """Return the part of a dotted module that tells its distribution: mostly its first name."""
    parts = module.split(".")
    dotted = (".".join(parts[:length]) for length in range(len(parts), 1, -1))
    return next((name for name in dotted if name in _BRINGS), parts[0])


def distributions_of(module: str) -> tuple[str, ...]:
    """Return the distributions that are known to bring a module, the usual one first."""
    key = module_key(module)
    if key in _BRINGS:
        return _BRINGS[key]
    return (key,) if normalized(key) in _KNOWN else ()
