"""A tiny Stable Audio and a tiny BLIP with random weights, saved as their makers save the real ones."""

from pathlib import Path

import transformers

from tests.plugin_backend.evaluation.joint_spaces.tiny_weights import SIZES, save_tokenizer


def save_blip(folder: Path) -> None:
    tokens = save_tokenizer(folder)
    ids = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 3, "sep_token_id": 3}
    text = {
        "hidden_size": 16,
        "encoder_hidden_size": 16,
        "vocab_size": tokens,
        "max_position_embeddings": 64,
        **ids,
        **SIZES,
    }
    vision = {"hidden_size": 16, "image_size": 32, "patch_size": 8, **SIZES}
    config = transformers.BlipConfig(text_config=text, vision_config=vision, projection_dim=12)
    transformers.BlipForConditionalGeneration(config).save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: bsd-3-clause\n---\n")


def save_stable_audio(folder: Path) -> None:
    import diffusers
    from diffusers.pipelines.stable_audio.modeling_stable_audio import StableAudioProjectionModel

    letters = [(letter, -2.0) for letter in "▁abcdefghijklmnopqrstuvwxyz"]
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -5.0), *letters]
    tokenizer = transformers.T5Tokenizer(vocab=vocabulary, extra_ids=0, model_max_length=8)
    text = transformers.T5EncoderModel(
        transformers.T5Config(vocab_size=40, d_model=16, d_ff=16, d_kv=8, num_layers=1, num_heads=2)
    )
    diffusers.StableAudioPipeline(
        vae=diffusers.AutoencoderOobleck(
            encoder_hidden_size=4, downsampling_ratios=[2, 4], channel_multiples=[1, 2], decoder_channels=4,
            decoder_input_channels=4, audio_channels=2, sampling_rate=16_000,
        ),
        text_encoder=text,
        projection_model=StableAudioProjectionModel(
            text_encoder_dim=16, conditioning_dim=16, min_value=0, max_value=32
        ),
        tokenizer=tokenizer,
        transformer=diffusers.StableAudioDiTModel(
            sample_size=2000, in_channels=4, num_layers=1, attention_head_dim=8, num_attention_heads=2,
            num_key_value_attention_heads=2, out_channels=4, cross_attention_dim=16, time_proj_dim=8,
            global_states_input_dim=32, cross_attention_input_dim=16,
        ),
        scheduler=diffusers.EDMDPMSolverMultistepScheduler(solver_order=2, prediction_type="v_prediction"),
    ).save_pretrained(folder)  # fmt: skip
    (folder / "README.md").write_text("---\nlicense: other\n---\n")
