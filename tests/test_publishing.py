"""Models are published as data and load back, from a Hub that answers right here."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import official
import pytest
import torch
import yaml
from click.testing import CliRunner
from jobs import script_of
from mmengine.config import Config
from safetensors.torch import save_file

import hrnet_mm
from hrnet_mm.building import build_model
from hrnet_mm.checkpoints import CheckpointError, convert, zoo
from hrnet_mm.cli import main
from hrnet_mm.loading import check_types, read_config
from hrnet_mm.models import HRNet

LEAVES = dict(
    mmpose='pose/hrnet_w18_small_v1_tiny-pose',
    mmseg='seg/hrnetv2-ocr_w18_small_v1_tiny-seg',
    mmdet='det/mask-rcnn_hrnetv2p_w18_small_v1_tiny-det',
    mmpretrain='cls/hrnetc_w18_small_v1_tiny-cls',
)
FILES = {'README.md', 'config.py', 'hrnet_mm.json', 'model.safetensors'}


@pytest.fixture
def trained(root, tmp_path, randomised):
    """The config of a library, a checkpoint of its model, and its state dict."""

    def make(library: str = 'mmpose') -> tuple[Path, Path, dict[str, torch.Tensor]]:
        pytest.importorskip(library)
        config = root / f'configs/{LEAVES[library]}.py'
        model = randomised(build_model(Config.fromfile(config)))
        state = model.state_dict()
        path = tmp_path / 'epoch_1.pth'
        torch.save(dict(state_dict=state, optimizer=dict(state={})), path)
        return config, path, state

    return make


def assert_same(model: torch.nn.Module, state: dict[str, torch.Tensor]) -> None:
    assert not model.training
    ours = model.state_dict()
    assert ours.keys() == state.keys()
    assert all(torch.equal(ours[name], value) for name, value in state.items())


@pytest.mark.parametrize('library', LEAVES)
def test_a_folder_loads_back_with_the_same_weights(library, trained, tmp_path):
    config, checkpoint, state = trained(library)
    folder = hrnet_mm.save_pretrained(config, checkpoint, tmp_path / 'model')
    assert {path.name for path in folder.iterdir()} == FILES
    model = hrnet_mm.from_pretrained(str(folder))
    assert_same(model, state)
    cfg = Config.fromfile(config)
    assert model.cfg.model == cfg.model
    assert model.cfg.test_dataloader == cfg.test_dataloader
    assert 'work_dir' not in model.cfg


def test_the_folder_can_be_trained_and_converted(trained, tmp_path):
    """Its config is one of mmengine, its weights one of the families."""
    config, checkpoint, _ = trained()
    folder = hrnet_mm.save_pretrained(config, checkpoint, tmp_path / 'model')
    cfg = Config.fromfile(folder / 'config.py')
    assert cfg.train_dataloader == Config.fromfile(config).train_dataloader
    done = CliRunner().invoke(
        main, ['inspect', str(folder / 'model.safetensors'), '--json']
    )
    assert json.loads(done.output)['family'] == 'mmpose'


def test_the_stock_functions_of_mmpose_take_the_model(trained, tmp_path):
    apis = pytest.importorskip('mmpose.apis')
    config, checkpoint, _ = trained()
    folder = hrnet_mm.save_pretrained(config, checkpoint, tmp_path / 'model')
    model = hrnet_mm.from_pretrained(str(folder))
    image = torch.zeros(80, 60, 3, dtype=torch.uint8).numpy()
    (found,) = apis.inference_topdown(model, image)
    assert found.pred_instances.keypoints.shape == (1, 17, 2)


def test_keypoints_of_one_s_own_travel_with_the_model(trained, root, tmp_path):
    config, checkpoint, state = trained()
    description = tmp_path / 'joints.py'
    stock = script_of('mmpose', 'train').parents[1] / 'configs/_base_/datasets/coco.py'
    text = stock.read_text().replace("name='nose'", "name='snout'")
    description.write_text(text.replace("'nose'", "'snout'"))
    mine = tmp_path / 'mine.py'
    mine.write_text(
        f"_base_ = ['{config}']\n"
        f"mine = dict(metainfo=dict(from_file='{description}'))\n"
        'test_dataloader = dict(dataset=mine)\n'
        "work_dir = '/home/me/jobs'\n"
    )
    folder = hrnet_mm.save_pretrained(mine, checkpoint, tmp_path / 'model')
    description.unlink()
    model = hrnet_mm.from_pretrained(str(folder))
    assert_same(model, state)
    assert model.dataset_meta['keypoint_id2name'][0] == 'snout'
    text = (folder / 'config.py').read_text()
    assert 'from_file' not in text
    assert '/home/me' not in text


def test_the_card_says_what_is_known_and_no_more(trained, tmp_path):
    config, checkpoint, _ = trained()
    words = ['push', config, checkpoint, 'me/pose', '--folder', tmp_path / 'model']
    options = ['--licence', 'mit', '--score', 'AP=0.71', '--score', 'AP@0.5=0.9']
    done = CliRunner().invoke(main, [*map(str, words), *options])
    assert done.exit_code == 0, done.output
    card = (tmp_path / 'model/README.md').read_text()
    _, front, text = card.split('---\n', 2)
    front = yaml.safe_load(front)
    assert front['library_name'] == 'hrnet_mm'
    assert front['pipeline_tag'] == 'keypoint-detection'
    assert front['license'] == 'mit'
    (result,) = front['model-index'][0]['results']
    assert {it['name']: it['value'] for it in result['metrics']} == {
        'AP': 0.71,
        'AP@0.5': 0.9,
    }
    assert "hrnet_mm.from_pretrained('me/pose')" in text
    assert 'datasets' not in front  # a metafile does not name them
    for name in FILES:
        assert f'{tmp_path}/model/{name}\n' in done.output
    assert 'paths of this machine' not in done.output
    digest = hashlib.sha256((tmp_path / 'model/model.safetensors').read_bytes())
    assert digest.hexdigest() in text
    again = CliRunner().invoke(main, [*map(str, words)])
    assert again.exit_code == 2
    assert 'has files: give another folder' in again.output
    other = [*map(str, words[:-1]), str(tmp_path / 'other')]
    assert CliRunner().invoke(main, other).exit_code == 0
    card = (tmp_path / 'other/README.md').read_text()
    assert 'license:' not in card
    assert 'model-index' not in card
    assert '| licence of the weights | not stated |' in card
    wrong = CliRunner().invoke(main, [*other, '--score', 'AP'])
    assert "'AP' is not METRIC=VALUE" in wrong.output


def test_paths_of_this_machine_are_named(trained, tmp_path):
    config, checkpoint, _ = trained()
    mine = tmp_path / 'config.py'
    change = "dict(dataset=dict(data_root='/home/me/photos'))"
    mine.write_text(f"_base_ = ['{config}']\ntest_dataloader = {change}\n")
    words = ['push', mine, checkpoint, 'me/pose', '--folder', tmp_path / 'model']
    done = CliRunner().invoke(main, [*map(str, words)])
    assert (
        'config.py names these paths of this machine: /home/me/photos; ' in done.output
    )
    card = (tmp_path / 'model/README.md').read_text()
    assert '| config | `config.py` |' in card


def test_the_card_reads_as_the_hub_reads_it(trained, tmp_path):
    hub = pytest.importorskip('huggingface_hub')
    config, checkpoint, _ = trained()
    leaf = tmp_path / 'hrnet_w32_coco-256x192.py'  # a recipe with published scores
    leaf.write_text(f"_base_ = ['{config}']\n")
    folder = hrnet_mm.save_pretrained(
        leaf, checkpoint, tmp_path / 'model', name='me/pose', scores={'AP': 0.71}
    )
    card = hub.ModelCard.load(folder / 'README.md')
    (result,) = card.data.eval_results
    assert (result.metric_name, result.metric_value) == ('AP', 0.71)
    assert result.dataset_name == 'COCO'
    assert card.data.datasets == ['coco']
    assert 'not measured with these weights: AP 0.746' in card.text


def test_weights_that_do_not_fit_are_not_published(trained, root, tmp_path):
    _, checkpoint, state = trained()
    state.pop('head.final_layer.weight')
    torch.save(dict(state_dict=state), checkpoint)
    config = root / f'configs/{LEAVES["mmpose"]}.py'
    with pytest.raises(CheckpointError, match=r'head\.final_layer\.weight'):
        hrnet_mm.save_pretrained(config, checkpoint, tmp_path / 'model')
    assert not (tmp_path / 'model').exists()


def test_a_damaged_or_incomplete_folder_is_refused(trained, tmp_path):
    config, checkpoint, _ = trained()
    folder = hrnet_mm.save_pretrained(config, checkpoint, tmp_path / 'model')
    weights = folder / 'model.safetensors'
    weights.write_bytes(weights.read_bytes()[:-1] + b'x')
    with pytest.raises(CheckpointError, match='damaged or incomplete: its SHA-256 is'):
        hrnet_mm.from_pretrained(str(folder))
    for digest in ('', hashlib.sha256(weights.read_bytes()).hexdigest()[:8]):
        (folder / 'hrnet_mm.json').write_text(json.dumps(dict(sha256=digest)))
        with pytest.raises(CheckpointError, match='not 64 hexadecimal digits'):
            hrnet_mm.from_pretrained(str(folder))
    (folder / 'hrnet_mm.json').write_text('{}')
    with pytest.raises(CheckpointError, match=r'hrnet_mm\.json is damaged'):
        hrnet_mm.from_pretrained(str(folder))
    weights.unlink()
    with pytest.raises(CheckpointError, match=r'has no model\.safetensors'):
        hrnet_mm.from_pretrained(str(folder))


@pytest.mark.parametrize(
    'line',
    [
        "import os; os.system('touch ran')",
        "x = __import__('os').system('touch ran')",
        "x = dict(**dict(type='A'))",
        "_base_ = ['other.py']\nx = [print(1)]",
        'if True:\n    x = 1',
        'x = (',
    ],
)
def test_a_config_from_elsewhere_never_runs(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / 'config.py'
    path.write_text(f'model = dict()\n{line}\n')
    with pytest.raises(ValueError, match='cannot run code'):
        read_config(path)
    assert not (tmp_path / 'ran').exists()


def test_values_of_a_config_are_read_as_mmengine_reads_them(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text("a = dict(b=(1, -2.5, None), c={0: ['x', True]}, d={'e-f': 'é'})\n")
    assert read_config(path).to_dict() == Config.fromfile(path).to_dict()


@pytest.fixture
def tiny(root) -> Config:
    """A config of pose that can be published."""
    pytest.importorskip('mmpose')
    return Config.fromfile(root / f'configs/{LEAVES["mmpose"]}.py')


@pytest.mark.parametrize(
    'value',
    [
        dict(type='os.system'),
        dict(type='hrnet_mm.launching.run'),
        dict(type='mmengine.rmtree'),
        dict(type='mmengine.Config'),
        dict(type='evilmod'),
        dict(type='mmpose.Nope'),
        dict(type=['evil']),
        dict(type='HRNet', _scope_='evil'),
        dict(type='DWPoseDistiller'),
        dict(type='mmdet.KnowledgeDistillationSingleStageDetector'),
        dict(type='mmpretrain.TIMMBackbone'),
        dict(type='mmpretrain.HuggingFaceClassifier'),
        dict(type='mmpretrain.TimmClassifier'),
        dict(trust_remote_code=True),
        dict(classes='/etc/hostname'),
        dict(metainfo=dict(evil='/etc/hostname')),
        dict(metainfo=dict(from_file='/elsewhere/evil.py')),
        dict(metainfo=dict(from_file='configs/_base_/datasets/../../evil.py')),
        dict(metainfo=dict(from_file='configs/_base_/datasets/evil.py')),
    ],
)
def test_a_config_from_elsewhere_names_registered_classes_only(
    value, tiny, tmp_path, monkeypatch
):
    (tmp_path / 'evilmod.py').write_text("open('ran', 'w')")
    (tmp_path / 'configs/_base_/datasets').mkdir(parents=True)
    (tmp_path / 'configs/_base_/datasets/evil.py').write_text("open('ran', 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    tiny.model.parts = [value]
    with pytest.raises(ValueError, match='the config needs'):
        check_types(tiny)
    assert not (tmp_path / 'ran').exists()


def test_a_name_of_the_registry_that_is_also_a_module_is_refused(
    tiny, tmp_path, monkeypatch
):
    """A transform in the place of a model: mmengine would import the module."""
    tiny.model.parts = [dict(type='TopdownAffine')]
    check_types(tiny)
    (tmp_path / 'TopdownAffine.py').touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ValueError, match='needs TopdownAffine:'):
        check_types(tiny)


@pytest.mark.parametrize('imports', ['evil', ['evil'], dict(imports=['evil'])])
def test_a_config_from_elsewhere_imports_the_libraries_only(imports, tiny):
    tiny.custom_imports = imports
    with pytest.raises(ValueError, match='needs evil:'):
        check_types(tiny)


@pytest.mark.parametrize(
    'line',
    [
        'x = ' + '-' * 5000 + '1',
        'x = ' + '+'.join(['1'] * 20_000),
        'x = {[]: 1}',
        'filename = 1',
        'model = None',
        "model = dict(type='Nope')",
        "model = dict(type='TopdownPoseEstimator')",
        'test_dataloader = None',
        'test_dataloader = dict(dataset=dict())',
        "test_dataloader = dict(dataset=dict(type='CocoDataset', metainfo=5))",
        "custom_imports = 'evil'",
        "default_scope = 'os'",
    ],
)
def test_an_odd_config_is_one_message_with_the_folder(line, trained, tmp_path):
    config, checkpoint, _ = trained()
    folder = hrnet_mm.save_pretrained(config, checkpoint, tmp_path / 'model')
    with (folder / 'config.py').open('a') as file:
        file.write(f'{line}\n')
    with pytest.raises(ValueError, match=f'^{re.escape(str(folder))}'):
        hrnet_mm.from_pretrained(str(folder))


def test_weights_named_by_a_config_are_not_loaded(trained, tmp_path):
    config, checkpoint, state = trained()
    folder = hrnet_mm.save_pretrained(config, checkpoint, tmp_path / 'model')
    with (folder / 'config.py').open('a') as file:
        cfg = Config.fromfile(config)
        cfg.model.backbone.init_cfg = dict(type='Pretrained', checkpoint='/none')
        file.write(Config(dict(model=cfg.model)).pretty_text)
    assert_same(hrnet_mm.from_pretrained(str(folder)), state)


def test_keypoints_are_those_of_mmpose_not_of_the_working_folder(
    trained, tmp_path, monkeypatch
):
    config, checkpoint, _ = trained()
    folder = hrnet_mm.save_pretrained(config, checkpoint, tmp_path / 'model')
    with (folder / 'config.py').open('a') as file:
        file.write(
            "test_dataloader = dict(dataset=dict(type='CocoDataset', metainfo=dict("
            "from_file='configs/_base_/datasets/coco.py')))\n"
        )
    fake = tmp_path / 'configs/_base_/datasets/coco.py'
    fake.parent.mkdir(parents=True)
    fake.write_text("open('ran', 'w')")
    monkeypatch.chdir(tmp_path)
    model = hrnet_mm.from_pretrained(str(folder))
    assert model.dataset_meta['keypoint_id2name'][0] == 'nose'
    assert not (tmp_path / 'ran').exists()


# their augmentation consists of classes of albumentations
ALBUMENTATIONS = ('_coarsedropout.py', '_gridmask.py')
CONFIGS = sorted({entry['Config'] for entry in zoo.entries()})


# networks of several tasks cannot be published yet
PUBLISHED = [p for p in CONFIGS if 'configs/universal/' not in p]


@pytest.mark.parametrize(
    'path', [p for p in PUBLISHED if not p.endswith(ALBUMENTATIONS)]
)
def test_every_config_of_ours_could_be_published(path, root):
    check_types(Config.fromfile(root / path, import_custom_modules=False))


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """The cache of weights by name."""
    folder = tmp_path / 'cache'
    folder.mkdir()
    monkeypatch.setenv('HRNET_MM_CACHE', str(folder))
    return folder


def test_a_name_of_a_trunk_is_a_trunk(cache):
    trunk = official.Trunk().state_dict()
    save_file(trunk, cache / 'hrnet_w18_small.ms_in1k.safetensors')
    model = hrnet_mm.from_pretrained('w18_small_v1/imagenet')
    assert isinstance(model, HRNet)
    assert not model.training
    assert torch.equal(model.conv1.weight, trunk['conv1.weight'])
    assert len(model(torch.zeros(1, 3, 64, 64))) == 4


def test_a_name_of_a_config_is_its_model(cache, trained, monkeypatch):
    """Also if the file is the official one, wrapped in a dict."""
    config, checkpoint, state = trained()
    mirror = zoo.Mirror('tiny.pth', None)
    weights = zoo.Weights('tiny', (mirror,), 'TinyPeople', config)
    monkeypatch.setitem(zoo.weights(), 'tiny', weights)
    _, official_layout = convert(checkpoint, cache / 'tiny.pth', 'official')
    assert 'final_layer.weight' in official_layout.state
    wrapped = dict(model=official_layout.state, size='w18', oks_sigmas=[0.1])
    torch.save(wrapped, cache / 'tiny.pth')
    assert_same(hrnet_mm.from_pretrained('hrnet://tiny'), state)


def test_an_unknown_name_is_told_the_nearest():
    with pytest.raises(CheckpointError, match='nearest names: hrnet_w32_coco-256x192'):
        hrnet_mm.from_pretrained('hrnet_w32_coco-256x190')


class Hub(BaseHTTPRequestHandler):
    """The answers of the Hub that its client needs to create, upload and download."""

    def log_message(self, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        server = self.server
        body = self.rfile.read(int(self.headers['Content-Length']))
        server.tokens.append(self.headers.get('Authorization'))
        if self.path == '/api/repos/create':
            request = json.loads(body)
            name = '/'.join(
                filter(None, [request.get('organization'), request['name']])
            )
            server.repositories.setdefault(name, {})
            self.answer(dict(url=f'{server.url}/{name}', name=name))
        elif self.path == '/api/validate-yaml':
            self.answer(dict(errors=[], warnings=[]))
        elif self.path.endswith('/preupload/main'):
            files = json.loads(body)['files']
            modes = [dict(path=it['path'], uploadMode='regular') for it in files]
            self.answer(
                dict(files=[dict(it, shouldIgnore=False, oid=None) for it in modes])
            )
        elif found := re.fullmatch(r'/api/models/(.+)/commit/main', self.path):
            for line in body.splitlines():
                value = json.loads(line)
                if value['key'] == 'file':
                    content = base64.b64decode(value['value']['content'])
                    server.repositories[found[1]][value['value']['path']] = content
            url = f'{server.url}/{found[1]}/commit/{server.commit}'
            self.answer(dict(success=True, commitOid=server.commit, commitUrl=url))
        else:
            self.send_error(404)

    def do_GET(self) -> None:
        server, path = self.server, unquote(self.path.split('?')[0])
        server.asked.append(path)
        if found := re.fullmatch(r'/api/models/([^/]+/[^/]+)(/revision/(.+))?', path):
            files = server.repositories.get(found[1])
            if files is None or found[3] not in (None, 'main', 'v1', server.commit):
                code = 'RepoNotFound' if files is None else 'RevisionNotFound'
                self.answer(dict(error='no such'), 404, **{'X-Error-Code': code})
                return
            names = [dict(rfilename=name) for name in files]
            self.answer(dict(id=found[1], sha=server.commit, siblings=names))
        elif found := re.fullmatch(r'/(.+?)/resolve/([^/]+)/(.+)', path):
            content = server.repositories[found[1]][found[3]]
            self.answer(content)
        else:
            self.send_error(404)

    do_HEAD = do_GET

    def answer(self, content: object, code: int = 200, **headers: str) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(code)
        etag = hashlib.sha256(data).hexdigest()
        headers |= {'ETag': f'"{etag}"', 'X-Repo-Commit': self.server.commit}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(data)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A Hub at an address of this machine."""
    constants = pytest.importorskip('huggingface_hub.constants')
    server = ThreadingHTTPServer(('127.0.0.1', 0), Hub)
    server.url = f'http://127.0.0.1:{server.server_port}'
    server.commit, server.repositories = 'c0ffee' + '0' * 34, {}
    server.tokens, server.asked = [], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    monkeypatch.setenv('HF_TOKEN', 'hf_secret')
    monkeypatch.setattr(constants, 'ENDPOINT', server.url)
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.split('/', 3)[3]
    monkeypatch.setattr(
        constants, 'HUGGINGFACE_CO_URL_TEMPLATE', f'{server.url}/{template}'
    )
    monkeypatch.setattr(constants, 'HF_HUB_CACHE', str(tmp_path / 'hf'))
    yield server
    server.shutdown()


def test_a_model_is_pushed_and_loaded_from_a_hub(hub, trained):
    config, checkpoint, state = trained()
    words = ['push', str(config), str(checkpoint), 'me/pose', '--licence', 'mit']
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert done.output.strip() == f'{hub.url}/me/pose/commit/{hub.commit}'
    assert set(hub.repositories['me/pose']) == FILES
    assert set(hub.tokens) == {'Bearer hf_secret'}
    hub.repositories['me/pose']['evil.py'] = b'raise SystemExit'
    assert_same(hrnet_mm.from_pretrained('me/pose'), state)
    assert not [path for path in hub.asked if path.endswith('evil.py')]
    assert_same(hrnet_mm.from_pretrained('me/pose@v1'), state)


def test_what_a_hub_does_not_have_is_one_message(hub, trained):
    with pytest.raises(CheckpointError, match='Nor can it be loaded from') as error:
        hrnet_mm.from_pretrained('w48/imagnet')
    assert 'nearest names: w48/imagenet' in str(error.value)
    config, checkpoint, _ = trained()
    hrnet_mm.push_to_hub(config, checkpoint, 'me/pose')
    with pytest.raises(CheckpointError, match='me/pose'):
        hrnet_mm.from_pretrained('me/pose@v2')
    hub.repositories['me/other'] = {'model.bin': b''}
    with pytest.raises(CheckpointError, match=r'has no config\.py'):
        hrnet_mm.from_pretrained('me/other')


def test_a_hub_that_refuses_says_what_to_do(hub, trained, monkeypatch):
    config, checkpoint, _ = trained()
    monkeypatch.setattr(Hub, 'do_POST', lambda self: self.answer(b'{}', 401))
    words = ['push', str(config), str(checkpoint), 'me/pose']
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2
    assert 'me/pose cannot be published' in done.output
    assert 'HF_TOKEN' in done.output
    assert 'Traceback' not in done.output
    wrong = CliRunner().invoke(main, [*words[:-1], 'pose'])
    assert "'pose' is not a repository" in wrong.output
