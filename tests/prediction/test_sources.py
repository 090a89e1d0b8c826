"""What can be predicted: files, folders, patterns, URLs, videos."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from hrnet_mm.prediction.sources import SkippedImage, Sources
from hrnet_mm.videos import VideoWriter

COLOUR = dict(type='LoadImageFromFile')


@pytest.fixture
def photos(tmp_path):
    """A folder with images of several kinds, and other files."""
    folder = tmp_path / 'photos'
    (folder / 'deep').mkdir(parents=True)
    for name in ('b.jpg', 'a.png', 'a.jpg', 'deep/a.JPG'):
        Image.new('RGB', (20, 10), 'red').save(folder / name)
    (folder / 'notes.txt').write_text('not an image')
    return folder


@pytest.fixture
def clip(tmp_path):
    """A video of five frames, each brighter than the one before."""
    path = tmp_path / 'clip.mp4'
    with VideoWriter(path, 10, (64, 48)) as video:
        for i in range(5):
            video.write(np.full((48, 64, 3), 40 * i, np.uint8))
    return path


def names(*sources: object) -> list[str]:
    return [frame.name for frame in Sources([*map(str, sources)])]


def test_a_folder_is_searched_recursively(photos):
    sources = Sources([str(photos)])
    frames = list(sources)
    assert [frame.file_name for frame in frames] == [
        'a.jpg', 'a.png', 'b.jpg', 'deep/a.JPG',
    ]  # fmt: skip
    assert len(sources) == 4


def test_outputs_have_different_names(photos):
    assert names(photos) == ['a', 'a_2', 'b', 'deep/a']
    assert names(photos / 'a.jpg', photos / 'deep/a.JPG') == ['a', 'a_2']


def test_a_pattern_finds_images_only(photos):
    assert names(photos / '*') == ['a', 'a_2', 'b']
    assert names(photos / '**/*.JPG') == ['a']


def test_a_url_is_an_image_or_a_video(web_server, photos, clip):
    address, public, _ = web_server
    (public / 'b.jpg').write_bytes((photos / 'b.jpg').read_bytes())
    (public / 'clip.mp4').write_bytes(clip.read_bytes())
    image, *frames = Sources([f'{address}/b.jpg?size=1', f'{address}/clip.mp4'])
    assert image.name == 'b'
    assert image.read(COLOUR).shape == (10, 20, 3)
    assert len(frames) == 5


def test_a_video_yields_its_frames(clip):
    sources = Sources([str(clip)])
    frames = list(sources)
    assert len(sources) == len(frames) == 5
    assert [frame.index for frame in frames] == [*range(5)]
    assert {frame.video.fps for frame in frames} == {10}
    means = [frame.read(COLOUR).mean() for frame in frames]
    assert means == sorted(means)
    assert means[-1] == pytest.approx(160, abs=4)


def test_a_damaged_video_is_a_failure(clip, monkeypatch):
    monkeypatch.setattr('cv2.VideoCapture', lambda path: Broken(path))
    sources = Sources([str(clip)])
    assert len(list(sources)) == 5
    assert 'clip.mp4 is damaged: 5 of 100 frames' in sources.failures[0]


class Broken:
    """A video of 100 frames, of which five can be read."""

    def __init__(self, path: str, capture=cv2.VideoCapture) -> None:
        self.capture = capture(path)

    def get(self, key: int) -> float:
        return 100 if key == cv2.CAP_PROP_FRAME_COUNT else self.capture.get(key)

    def __getattr__(self, name: str):
        return getattr(self.capture, name)


def test_a_source_is_predicted_once(photos):
    assert names(photos / 'b.jpg', photos, photos / '*.jpg') == [
        'b',
        'a',
        'a_2',
        'deep/a',
    ]


def test_a_folder_whose_name_is_a_number_is_no_camera(photos, monkeypatch):
    photos.rename(photos.parent / '2024')
    monkeypatch.chdir(photos.parent)
    assert len(names('2024')) == 4


def test_a_video_of_odd_size_is_extended(tmp_path):
    with VideoWriter(tmp_path / 'odd.mp4', 10, (63, 47)) as video:
        video.write(np.zeros((47, 63, 3), np.uint8))
    (frame,) = Sources([str(tmp_path / 'odd.mp4')])
    assert frame.pixels.shape == (48, 64, 3)


def test_an_exif_orientation_is_applied(tmp_path):
    image = Image.new('RGB', (40, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated by a quarter turn
    image.save(tmp_path / 'a.jpg', exif=exif)
    (frame,) = Sources([str(tmp_path / 'a.jpg')])
    assert frame.read(COLOUR).shape == (40, 20, 3)
    as_stored = dict(COLOUR, color_type='color_ignore_orientation')
    assert frame.read(as_stored).shape == (20, 40, 3)


@pytest.mark.parametrize(
    ('shape', 'dtype'),
    [
        ((8, 9), 'uint8'),
        ((8, 9, 4), 'uint8'),
        ((8, 9), 'uint16'),
        ((8, 9, 3), 'uint16'),
    ],
)
def test_all_kinds_of_images_become_colour_images_of_8_bits(tmp_path, shape, dtype):
    top = np.iinfo(dtype).max
    cv2.imwrite(str(tmp_path / 'a.png'), np.full(shape, top, dtype))
    (frame,) = Sources([str(tmp_path / 'a.png')])
    image = frame.read(COLOUR)
    assert (image.shape, image.dtype, image.min()) == ((8, 9, 3), np.uint8, 255)


def test_a_damaged_image_is_refused(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    cv2.imwrite(str(tmp_path / 'whole.jpg'), noise)
    content = (tmp_path / 'whole.jpg').read_bytes()
    for name, damaged, reason in (
        ('half.jpg', content[: len(content) // 2], 'is cut off'),
        ('empty.png', b'', 'empty.png'),
        ('text.png', b'hello', 'is not an image'),
    ):
        (tmp_path / name).write_bytes(damaged)
        (frame,) = Sources([str(tmp_path / name)])
        with pytest.raises(SkippedImage, match=reason):
            frame.read(COLOUR)


def test_a_video_that_cannot_be_read_is_a_failure(tmp_path, photos):
    (tmp_path / 'bad.mp4').write_bytes(b'no video')
    sources = Sources([str(tmp_path / 'bad.mp4'), str(photos / 'b.jpg')])
    assert [frame.name for frame in sources] == ['b']
    assert 'bad.mp4 cannot be opened' in sources.failures[0]


@pytest.mark.parametrize(
    ('source', 'message'),
    [
        ('nothing.jpg', 'nothing.jpg does not exist'),
        ('{}', 'has no image or video'),
        ('{}/*.jpg', 'has no image or video'),
    ],
)
def test_a_source_without_images_is_an_error(tmp_path, source, message):
    with pytest.raises(ValueError, match=message):
        Sources([source.format(tmp_path)])
