"""The factory bank equals what its recipe builds from the corpus with the shipped model."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from plugin_backend.errors import PresetError
from presets.axes import SUFFIX, load_axes
from presets.bank import FACTORY_BANK, Bank
from presets.build_factory_bank import MOST_TAKES, build, check_no_shared_takes, recipe


@pytest.mark.corpus
@pytest.mark.slow
def test_one_command_rebuilds_the_shipped_bank(tmp_path, corpus):
    made = {preset.name: preset for preset in build(corpus, tmp_path, "foley")}
    shipped = Bank(FACTORY_BANK)
    assert sorted(made) == shipped.names
    for preset in shipped:
        again = made[preset.name]
        assert again.header.credit == preset.header.credit
        assert again.header.gain_db == pytest.approx(preset.header.gain_db, abs=0.1)
        for kept, new in zip(preset.means, again.means, strict=True):
            np.testing.assert_allclose(new, kept, atol=1e-2)
    fingerprint = shipped["step-gravel"].header.fingerprint
    kept, new = shipped.axes(fingerprint), Bank(tmp_path).axes(fingerprint)
    assert load_axes(tmp_path / f"foley{SUFFIX}").digest == new.digest
    assert new.names == kept.names
    np.testing.assert_allclose(new.vectors, kept.vectors, atol=0.05)


def test_no_two_presets_share_a_take():
    """The corpus holds one recording as gravel and as rock."""
    shipped = list(Bank(FACTORY_BANK))
    check_no_shared_takes(shipped)
    twin = replace(shipped[3], header=msgspec.structs.replace(shipped[3].header, name="twin"))
    with pytest.raises(PresetError, match=f"presets '{shipped[3].name}' and 'twin' have a take in common"):
        check_no_shared_takes([*shipped, twin])


def test_the_shipped_bank_says_what_its_recipe_says():
    shipped = Bank(FACTORY_BANK)
    for entry in recipe():
        header = shipped[entry["name"]].header
        assert (header.description, header.material, header.tags) == (
            entry["description"], entry["material"], entry["tags"]
        )  # fmt: skip
        assert header.licence
        assert header.provenance.recordings
        assert (header.provenance.even, header.provenance.most_takes) == (True, MOST_TAKES)
