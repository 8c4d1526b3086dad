"""Tiny models with random weights, saved as their makers save the real ones."""

from pathlib import Path

import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

TEXTS = ["a photo of the sound of steps on wet gravel", "a door in the rain", "Speech, music and a bell"]
SIZES = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}


def save_tokenizer(folder: Path) -> int:
    """Save a small tokenizer of bytes; return the number of its tokens."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<s>", "<pad>", "<unk>", "</s>", "<mask>"]
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=special, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 3)]
    )
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>", "cls_token": "<s>"}
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **names, sep_token="</s>", mask_token="<mask>"
    ).save_pretrained(folder)
    return tokenizer.get_vocab_size()


def save_clip(folder: Path) -> None:
    tokens = save_tokenizer(folder)
    text = {
        "hidden_size": 16,
        "vocab_size": tokens,
        "max_position_embeddings": 77,
        "bos_token_id": 0,
        "eos_token_id": 3,
        **SIZES,
    }
    vision = {"hidden_size": 16, "image_size": 32, "patch_size": 8, **SIZES}
    transformers.CLIPModel(
        transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=12)
    ).save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")


def save_clap(folder: Path) -> None:
    tokens = save_tokenizer(folder)
    text = {"hidden_size": 16, "vocab_size": tokens, "max_position_embeddings": 90, "pad_token_id": 1, **SIZES}
    audio = {
        "patch_embeds_hidden_size": 8, "hidden_size": 16, "depths": [1, 1], "num_attention_heads": [2, 2],
        "window_size": 4, "spec_size": 64, "num_mel_bins": 16, "patch_size": 4, "patch_stride": [4, 4],
    }  # fmt: skip
    transformers.ClapModel(
        transformers.ClapConfig(text_config=text, audio_config=audio, projection_dim=12, hidden_size=16)
    ).save_pretrained(folder)
    transformers.ClapFeatureExtractor(
        feature_size=16, sampling_rate=48_000, max_length_s=1, truncation="rand_trunc", padding="repeatpad"
    ).save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")


def vision_without_timm(monkeypatch) -> None:
    """Let PE-AV take a ViT of transformers for its vision part.

    The real one is a model of timm, and timm needs a torchvision that fits the installed torch: PyPI has none for CPU.
    """
    from transformers.models.auto import AutoConfig
    from transformers.models.pe_video.configuration_pe_video import PeVideoEncoderConfig

    (spec,) = PeVideoEncoderConfig.sub_configs_defaults.values()
    swapped = {"vision_config": type(spec)(config_class=AutoConfig, model_type="vit", init_kwargs={})}
    monkeypatch.setattr(PeVideoEncoderConfig, "sub_configs_defaults", swapped)


def save_pe_av(folder: Path) -> None:
    tokens = save_tokenizer(folder)
    common = {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "head_dim": 8,
    }
    audio = {
        "dac_config": {"downsampling_ratios": [2, 8, 10, 12], "encoder_hidden_size": 4, "codebook_dim": 8},
        **common,
    }
    vision = {"model_type": "vit", "hidden_size": 16, "image_size": 32, "patch_size": 8, "num_labels": 12, **SIZES}
    text = {
        "model_type": "modernbert", "hidden_size": 16, "vocab_size": tokens, "pad_token_id": 1, "bos_token_id": 0,
        "eos_token_id": 3, "cls_token_id": 0, "sep_token_id": 3, **SIZES,
    }  # fmt: skip
    config = transformers.PeAudioVideoConfig(
        text_config=text,
        audio_video_config={"audio_config": audio, "video_config": {"vision_config": vision, **common}, **common},
    )
    transformers.PeAudioVideoModel(config).save_pretrained(folder)
    transformers.PeAudioFeatureExtractor().save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
