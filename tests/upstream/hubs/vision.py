"""A stand-in for pytorch/vision v0.10.0: its name, layout and weight URLs around tiny nets."""

from tests.upstream.hubs.records import HubRepo, describe, entrypoint, put_weights
from tests.upstream.repos import RepoBuilder
from tests.upstream.server import Upstream
from tests.upstream.weights import Shapes

WEIGHTS_HOST = "https://download.pytorch.org"
RESNET_PATH = "/models/resnet18-f37072fd.pth"
ALEXNET_PATH = "/models/alexnet-owt-7be5be79.pth"

RESNET_SHAPES: Shapes = {
    "conv1.weight": (4, 3, 3, 3),
    "bn1.weight": (4,),
    "bn1.bias": (4,),
    "fc.weight": (10, 4),
    "fc.bias": (10,),
}
ALEXNET_SHAPES: Shapes = {"features.0.weight": (2, 3, 3, 3), "classifier.1.weight": (10, 2)}

HUBCONF = """dependencies = ["torch"]

from torchvision.models.alexnet import alexnet
from torchvision.models.resnet import resnet18
"""

UTILS = "from torch.hub import load_state_dict_from_url\n"

RESNET = f'''import torch.nn as nn

from .utils import load_state_dict_from_url

model_urls = {{
    "resnet18": "{WEIGHTS_HOST}{RESNET_PATH}",
}}


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, kernel_size=3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(4, track_running_stats=False)
        self.fc = nn.Linear(4, 10)
        for parameter in self.parameters():
            nn.init.constant_(parameter, 0.5)

    def forward(self, x):
        return self.fc(self.bn1(self.conv1(x)).relu().mean((2, 3)))


def resnet18(pretrained=False, progress=True, **kwargs):
    """A stand-in with the name and the URL of ResNet-18."""
    model = ResNet()
    if pretrained:
        model.load_state_dict(load_state_dict_from_url(model_urls["resnet18"], progress=progress))
    return model
'''

ALEXNET = f'''import torch.nn as nn

from .utils import load_state_dict_from_url

model_urls = {{
    "alexnet": "{WEIGHTS_HOST}{ALEXNET_PATH}",
}}


class AlexNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 2, kernel_size=3, bias=False), nn.ReLU())
        self.classifier = nn.Sequential(nn.Identity(), nn.Linear(2, 10, bias=False))
        for parameter in self.parameters():
            nn.init.constant_(parameter, 0.5)

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


def alexnet(pretrained=False, progress=True, **kwargs):
    """A stand-in with the name and the URL of AlexNet."""
    model = AlexNet()
    if pretrained:
        model.load_state_dict(load_state_dict_from_url(model_urls["alexnet"], progress=progress))
    return model
'''


def vision_standin(up: Upstream) -> HubRepo:
    """`resnet18` and `alexnet` at the tag `v0.10.0` of `pytorch/vision`.

    Pretrained weights are not the default, as in the real one. The URLs in the code are those of
    the real host; the files are on the upstream (`WeightFile.served_at`), and their digests are
    not the ones that the names promise: a manifest must give the sha256.
    """
    resnet = put_weights(
        up, RESNET_PATH, seed=40, shapes=RESNET_SHAPES, url=WEIGHTS_HOST + RESNET_PATH
    )
    alexnet = put_weights(
        up, ALEXNET_PATH, seed=41, shapes=ALEXNET_SHAPES, url=WEIGHTS_HOST + ALEXNET_PATH
    )
    builder = RepoBuilder.create(up, "pytorch/vision")
    builder.commit(
        {
            "hubconf.py": HUBCONF,
            "torchvision/__init__.py": "from torchvision import models\n",
            "torchvision/models/__init__.py": "from .alexnet import *\nfrom .resnet import *\n",
            "torchvision/models/utils.py": UTILS,
            "torchvision/models/resnet.py": RESNET,
            "torchvision/models/alexnet.py": ALEXNET,
        }
    )
    builder.tag("v0.10.0")
    builder.commit({"README.md": "# After v0.10.0\n"})
    return describe(builder, up, entrypoint("resnet18", resnet), entrypoint("alexnet", alexnet))
