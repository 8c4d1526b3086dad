"""The complex network and its gradients, against a twin that uses real numbers only."""

import torch
from torch.nn import functional as F

from tests.plugin_backend.models.mclt_vae.tiny_models import tiny_model


def both(operation, real, imaginary, weight, bias, **options):
    """Apply a linear operation with complex weights to a pair of real tensors."""
    a, b = weight.real, weight.imag
    out_real = operation(real, a, **options) - operation(imaginary, b, **options)
    out_imaginary = operation(real, b, **options) + operation(imaginary, a, **options)
    shape = (1, -1) + (1,) * (out_real.ndim - 2)
    return out_real + bias.real.reshape(shape), out_imaginary + bias.imag.reshape(shape)


def real_twin(model, images, noise, weights):
    """Return error and KL divergence of the model by real arithmetic, as the formulas of complex numbers say.

    Args:
        model: gives shapes only.
        images: complex.
        noise: pairs of real numbers.
        weights: leaves, by name.
    """

    def activated(pair):
        return pair[0].relu(), pair[1].relu()

    pair = images.real, images.imag
    for index, layer in enumerate(model.encoder.convolutions):
        name = f"encoder.convolutions.{index}"
        options = {"stride": layer.stride, "padding": layer.padding}
        pair = activated(both(F.conv2d, *pair, weights[f"{name}.weight"], weights[f"{name}.bias"], **options))
    flat = pair[0].flatten(1), pair[1].flatten(1)
    real, imaginary = both(F.linear, *flat, weights["encoder.head.weight"], weights["encoder.head.bias"])
    (mean_r, spread, raw_r), (mean_i, _, raw_i) = real.chunk(3, 1), imaginary.chunk(3, 1)
    sigma = spread.exp()
    scale = 0.98 * sigma / (1 + (raw_r.square() + raw_i.square()).sqrt())
    delta_r, delta_i = scale * raw_r, scale * raw_i
    determinant = sigma.square() - delta_r.square() - delta_i.square()
    kl = (mean_r.square() + mean_i.square() + (sigma - 1 - 0.5 * determinant.log()).abs()).sum(1).mean()
    root, (one, two) = (2 * (sigma + delta_r)).sqrt(), noise.chunk(2, 1)
    pair = mean_r + (sigma + delta_r) / root * one, mean_i + (delta_i * one + determinant.sqrt() * two) / root
    linear = "decoder.linears.0"
    pair = activated(both(F.linear, *pair, weights[f"{linear}.weight"], weights[f"{linear}.bias"]))
    pair = tuple(part.unflatten(1, model.decoder.shape) for part in pair)
    for index, layer in enumerate(model.decoder.convolutions):
        name = f"decoder.convolutions.{index}"
        options = {"stride": layer.stride, "padding": layer.padding, "output_padding": layer.output_padding}
        pair = both(F.conv_transpose2d, *pair, weights[f"{name}.weight"], weights[f"{name}.bias"], **options)
        pair = activated(pair) if index + 1 < len(model.decoder.convolutions) else pair
    offset = weights["decoder.offset"]
    pair = pair[0] + offset.real, pair[1] + offset.imag
    error = ((pair[0] - images.real).square() + (pair[1] - images.imag).square()).mean()
    magnitudes = [(x.square() + y.square() + 1e-12).sqrt() for x, y in (pair, (images.real, images.imag))]
    return error + model.config.magnitude_weight * (magnitudes[0] - magnitudes[1]).square().mean(), kl


def test_gradients_equal_those_of_a_real_valued_twin():
    model = tiny_model("complex-mclt").to(torch.complex128)
    torch.manual_seed(3)
    with torch.no_grad():
        for weight in model.parameters():  # biases and the offset too
            weight.add_(0.1 * torch.randn_like(weight))
    clips, noise = torch.randn(3, model.config.clip_samples), torch.randn(3, model.config.network_dim).double()
    images = model.image_of(model.spectra_of_clips(clips)[0].to(torch.complex128))
    posterior = model.posterior(images)
    error = model._error(model.decoder(model.draw(posterior, noise)), images)
    kl = model._kl_divergence(posterior)
    weights = {name: value.detach().clone().requires_grad_() for name, value in model.named_parameters()}
    twin_error, twin_kl = real_twin(model, images, noise, weights)
    assert torch.allclose(error, twin_error, rtol=1e-10) and torch.allclose(kl, twin_kl, rtol=1e-10)
    (error + 0.1 * kl).backward()
    (twin_error + 0.1 * twin_kl).backward()
    for name, value in model.named_parameters():
        assert value.is_complex() and value.grad.abs().max() > 0, name
        assert torch.allclose(value.grad, weights[name].grad, rtol=1e-8, atol=1e-12), name
