"""Descriptions of stems that later versions are compared with."""

from render.delivery.incremental.sample_digests import chain_of
from render.project.effect_schema import Plugin
from render.project.project import Stem


def test_a_plugin_bundle_counts_with_every_file_in_it(tmp_path):
    bundle = tmp_path / "Wide.vst3"
    (bundle / "Contents").mkdir(parents=True)
    (bundle / "Contents" / "Wide.so").write_bytes(b"1")
    stem = Stem(name="A", layout="stereo", effects=[Plugin(path=str(bundle))])
    before = chain_of(stem)
    (bundle / "Contents" / "Wide.so").write_bytes(b"22")
    assert before["plugins"][0][0][:2] == ["Wide.vst3/Contents/Wide.so", 1]
    assert chain_of(stem)["plugins"][0][0][:2] == ["Wide.vst3/Contents/Wide.so", 2]
