"""The systems of specs/ as a good PyTorch user writes them by hand: no call that a step does not need, no gradient of a network that it does not
update, fused updates. Modules are numbered as the specs' parameters are, so that all load one file of weights.

A system has `modules` (an nn.ModuleDict) and `iteration(x, draw)`, which does one iteration of training and returns its losses, named as `step`
of a trainer writes them. x: the batch of each step; draw(name, step): a noise. `compiled`: the methods or networks that torch.compile is given.
"""

import torch
from torch import nn

functional = nn.functional
bce_with_logits = functional.binary_cross_entropy_with_logits


class Flat(nn.Linear):
    """Of all values of an item."""

    def forward(self, value):
        return super().forward(value.flatten(1))


def conv(before, after, kernel, stride=1, bias=False):
    return nn.Conv2d(before, after, kernel, stride, (kernel - 1) // 2, bias=bias)


def conv_transpose(before, after, kernel, bias=False):
    """To twice the size."""
    return nn.ConvTranspose2d(before, after, kernel, 2, (kernel - 1) // 2, kernel % 2, bias=bias)


class Shaped(nn.Linear):
    """A linear layer whose result is an image."""

    def __init__(self, before, shape, bias=True):
        super().__init__(before, shape[0] * shape[1] * shape[2], bias)
        self.shape = shape

    def forward(self, value):
        return super().forward(value).unflatten(1, self.shape)


def normed(product, channels, activation, epsilon=1e-5):
    return [product, nn.BatchNorm2d(channels, epsilon), activation]


def normed_vector(product, features, epsilon=1e-5):
    return [product, nn.BatchNorm1d(features, epsilon), nn.ReLU()]


def adam(*networks, rate, **options):
    return torch.optim.Adam([parameter for network in networks for parameter in network.parameters()], lr=rate, fused=True, **options)


def update(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def kl(mean, log_variance):
    return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(1).mean()


def sample(mean, log_variance, noise):
    return mean + torch.exp(log_variance / 2) * noise


def says(logit, number):
    return bce_with_logits(logit, torch.full_like(logit, number))


class Heads(nn.Sequential):
    """Whose last two layers both read what is before them: mean and log variance."""

    def forward(self, value):
        for module in self[:-2]:
            value = module(value)
        return self[-2](value), self[-1](value)


# ---- auto-encoders ----


def small_encoder():
    layers = []
    for before, after in ((3, 32), (32, 64), (64, 128), (128, 256)):
        layers += normed(conv(before, after, 3, 2), after, nn.LeakyReLU())
    return layers


def small_decoder():
    layers = [Shaped(128, (256, 4, 4))]
    for before, after in ((256, 128), (128, 64), (64, 32)):
        layers += normed(conv_transpose(before, after, 3), after, nn.LeakyReLU())
    return nn.Sequential(*layers, conv_transpose(32, 3, 3, bias=True), nn.Tanh())


class ImageAutoEncoder:
    compiled = ("loss",)

    def __init__(self):
        encoder = nn.Sequential(*small_encoder(), Flat(4096, 128))
        self.modules = nn.ModuleDict({"encoder": encoder, "decoder": small_decoder()})
        self.optimizer = adam(self.modules, rate=1e-3)

    def loss(self, x):
        return functional.mse_loss(self.modules["decoder"](self.modules["encoder"](x)), x)

    def iteration(self, x, draw):
        loss = self.loss(x[0])
        update(self.optimizer, loss)
        return {"step0.loss.reconstruction": loss}


class VariationalAutoEncoder:
    compiled = ("losses",)

    def __init__(self):
        encoder = Heads(*small_encoder(), Flat(4096, 128), Flat(4096, 128))
        self.modules = nn.ModuleDict({"encoder": encoder, "decoder": small_decoder()})
        self.optimizer = adam(self.modules, rate=5e-3)

    def losses(self, x, eps):
        mean, log_variance = self.modules["encoder"](x)
        y = self.modules["decoder"](sample(mean, log_variance, eps))
        return functional.mse_loss(y, x), 2.5e-4 * kl(mean, log_variance)

    def iteration(self, x, draw):
        reconstruction, prior = self.losses(x[0], draw("eps", 0))
        update(self.optimizer, reconstruction + prior)
        return {"step0.loss.reconstruction": reconstruction, "step0.loss.prior": prior}


class ClipLatent:
    compiled = ("loss",)

    def __init__(self):
        encoder = []
        for before, after, stride in ((1, 32, 1), (32, 64, 2), (64, 128, 2), (128, 256, 2)):
            encoder += normed(conv(before, after, 3, stride), after, nn.ReLU())
        encoder += [conv(256, 512, 3, 2), nn.ReLU(), nn.Linear(512 * 4 * 8 * 8, 128)]
        decoder = [nn.Linear(128, 400), nn.ReLU(), nn.Unflatten(1, (100, 4)), Shaped(100, (512, 8, 8))]
        for before, after in ((512, 256), (256, 128), (128, 64), (64, 32)):
            decoder += normed(conv_transpose(before, after, 3), after, nn.ReLU())
        decoder += [conv(32, 1, 3), nn.Tanh()]
        self.modules = nn.ModuleDict({"encoder": nn.Sequential(*encoder), "decoder": nn.Sequential(*decoder)})
        self.of_frames, self.to_latent = nn.Sequential(*encoder[:-1]), encoder[-1]
        self.to_frames, self.of_latents = nn.Sequential(*decoder[:3]), nn.Sequential(*decoder[3:])
        self.optimizer = adam(self.modules, rate=1e-4, weight_decay=1e-5)

    def loss(self, x):
        """x: [B·T, 1, H, W]; between frames and clips the order is changed, since the latent vector counts C, T, H, W."""
        frames = self.of_frames(x).unflatten(0, (-1, 4))
        latent = self.to_latent(frames.transpose(1, 2).flatten(1))
        y = self.of_latents(self.to_frames(latent).transpose(1, 2).flatten(0, 1))
        return functional.mse_loss(y, x)

    def iteration(self, x, draw):
        loss = self.loss(x[0])
        update(self.optimizer, loss)
        return {"step0.loss.reconstruction": loss}


# ---- adversaries ----


class AnoGan:
    compiled = ("told_apart", "fooled", "distance")

    def __init__(self):
        generator = normed(Shaped(100, (512, 4, 4), bias=False), 512, nn.ReLU())
        for before, after in ((512, 256), (256, 128), (128, 64)):
            generator += normed(conv_transpose(before, after, 5), after, nn.ReLU())
        generator += [conv_transpose(64, 1, 5, bias=True), nn.Tanh()]
        discriminator = [conv(1, 64, 5, 2, bias=True), nn.LeakyReLU(0.2)]
        for before, after in ((64, 128), (128, 256), (256, 512)):
            discriminator += normed(conv(before, after, 5, 2), after, nn.LeakyReLU(0.2))
        discriminator.append(Flat(8192, 1))
        self.generator, self.discriminator = nn.Sequential(*generator), nn.Sequential(*discriminator)
        self.to_features = nn.Sequential(*discriminator[:-1])
        self.modules = nn.ModuleDict({"generator": self.generator, "discriminator": self.discriminator})
        self.optimizers = [adam(network, rate=2e-4, betas=(0.5, 0.999)) for network in (self.discriminator, self.generator)]

    def told_apart(self, x, z):
        with torch.no_grad():
            drawn = self.generator(z)
        return says(self.discriminator(x), 1.0) + says(self.discriminator(drawn), 0.0)

    def fooled(self, z):
        return says(self.discriminator(self.generator(z)), 1.0)

    def iteration(self, x, draw):
        told_apart = self.told_apart(x[0], draw("z", 0))
        update(self.optimizers[0], told_apart)
        self.discriminator.requires_grad_(False)
        fooled = self.fooled(draw("z", 1))
        update(self.optimizers[1], fooled)
        self.discriminator.requires_grad_(True)
        return {"step0.loss.told_apart": told_apart, "step1.loss.fooled": fooled}

    # The search: of the discriminator what is up to its last inner layer; of x that layer is computed once.

    def distance(self, x, features, z):
        drawn = self.generator(z)
        return 0.9 * (drawn - x).abs().sum() + 0.1 * (self.to_features(drawn) - features).abs().sum()

    def searching(self, x, z):
        """A function that does one update of z, and returns the sum of the scores before it."""
        self.modules.eval().requires_grad_(False)
        with torch.no_grad():
            features = self.to_features(x)
        z = z.clone().requires_grad_()
        optimizer = torch.optim.Adam([z], lr=1e-2, fused=True)

        def search_step():
            score = self.distance(x, features, z)
            update(optimizer, score)
            return score.item()

        return search_step


class Discriminator(nn.Module):
    """Of an image and a latent vector; its modules' names are their numbers in the spec."""

    def __init__(self):
        super().__init__()
        leaky = lambda: nn.LeakyReLU(0.1)  # noqa: E731
        image = [conv(1, 64, 4, 2, True), leaky(), nn.Dropout(), conv(64, 64, 4, 2, True), nn.BatchNorm2d(64), leaky(), nn.Dropout(), nn.Flatten()]
        latent = [nn.Linear(200, 512), leaky(), nn.Dropout()]
        joined = [nn.Linear(3648, 1024), leaky(), nn.Dropout(), nn.Linear(1024, 1)]
        for number, module in enumerate(image + latent + [nn.Identity()] + joined):
            self.add_module(str(number), module)
        self.parts = [image, latent, joined]

    def forward(self, image, latent):
        values = []
        for part, value in zip(self.parts, (image, latent)):
            for module in part:
                value = module(value)
            values.append(value)
        value = torch.cat(values, 1)
        for module in self.parts[2]:
            value = module(value)
        return value


class EfficientGan:
    compiled = ("told_apart", "fooled")

    def __init__(self):
        leaky = lambda: nn.LeakyReLU(0.1)  # noqa: E731
        encoder = [conv(1, 32, 3, 1, True), *normed(conv(32, 64, 3, 2, True), 64, leaky()), *normed(conv(64, 128, 3, 2, True), 128, leaky())]
        encoder.append(Flat(6272, 200))
        generator = normed_vector(nn.Linear(200, 1024), 1024) + normed_vector(nn.Linear(1024, 6272), 6272)
        generator += [nn.Unflatten(1, (128, 7, 7)), *normed(conv_transpose(128, 64, 4, True), 64, nn.ReLU()), conv_transpose(64, 1, 4, True), nn.Tanh()]
        self.encoder, self.generator, self.discriminator = nn.Sequential(*encoder), nn.Sequential(*generator), Discriminator()
        self.modules = nn.ModuleDict({"encoder": self.encoder, "generator": self.generator, "discriminator": self.discriminator})
        options = {"rate": 1e-5, "betas": (0.5, 0.999)}
        self.optimizers = [adam(self.discriminator, **options), adam(self.generator, self.encoder, **options)]
        self.moved = [[self.discriminator], [self.generator, self.encoder]]
        self.averages = None

    def told_apart(self, x, z):
        with torch.no_grad():
            found, drawn = self.encoder(x), self.generator(z)
        return says(self.discriminator(x, found), 1.0) + says(self.discriminator(drawn, z), 0.0)

    def fooled(self, x, z):
        return says(self.discriminator(x, self.encoder(x)), 0.0) + says(self.discriminator(self.generator(z), z), 1.0)

    def move(self, step, loss):
        update(self.optimizers[step], loss)
        parameters = [parameter.detach() for network in self.moved[step] for parameter in network.parameters()]
        if self.averages is None:
            self.averages = [[parameter.detach().clone() for network in networks for parameter in network.parameters()] for networks in self.moved]
        torch._foreach_lerp_(self.averages[step], parameters, 1 - 0.999)

    def iteration(self, x, draw):
        told_apart = self.told_apart(x[0], draw("z", 0))
        self.move(0, told_apart)
        self.discriminator.requires_grad_(False)
        fooled = self.fooled(x[1], draw("z", 1))
        self.move(1, fooled)
        self.discriminator.requires_grad_(True)
        return {"step0.loss.told_apart": told_apart, "step1.loss.fooled": fooled}


class VaeGan:
    """All gradients are taken at the same weights, by one backward pass for `gan`, and one for `prior` and `feature` together: the factors of the
    decoder's losses are applied to its two gradients."""

    compiled = ("encoder", "decoder", "discriminate")

    def __init__(self):
        def block(product, channels):
            return normed(product, channels, nn.ReLU(), 1e-6)

        encoder = [layer for before, after in ((3, 64), (64, 128), (128, 256)) for layer in block(conv(before, after, 5, 2, True), after)]
        encoder += [*normed_vector(Flat(16384, 2048), 2048, 1e-6), nn.Linear(2048, 128), nn.Linear(2048, 128)]
        decoder = normed_vector(nn.Linear(128, 16384), 16384, 1e-6) + [nn.Unflatten(1, (256, 8, 8))]
        for before, after in ((256, 256), (256, 128), (128, 32)):
            decoder += block(conv_transpose(before, after, 5, True), after)
        decoder += [conv(32, 3, 5, 1, True), nn.Tanh()]
        discriminator = [conv(3, 32, 5, 1, True), nn.ReLU()]
        for before, after in ((32, 128), (128, 256), (256, 256)):
            discriminator += block(conv(before, after, 5, 2, True), after)
        discriminator += [*normed_vector(Flat(16384, 512), 512, 1e-6), nn.Linear(512, 1)]
        self.encoder, self.decoder, self.discriminator = Heads(*encoder), nn.Sequential(*decoder), nn.Sequential(*discriminator)
        self.modules = nn.ModuleDict({"encoder": self.encoder, "decoder": self.decoder, "discriminator": self.discriminator})
        self.to_features, self.to_logit = nn.Sequential(*discriminator[:9]), nn.Sequential(*discriminator[9:])
        self.parameters = [list(network.parameters()) for network in self.modules.values()]
        self.optimizers = [torch.optim.RMSprop(parameters, lr=3e-4, foreach=True) for parameters in self.parameters]

    def discriminate(self, images):
        features = self.to_features(images)
        return features, self.to_logit(features)

    def iteration(self, x, draw):
        mean, log_variance = self.encoder(x[0])
        y, drawn = self.decoder(sample(mean, log_variance, draw("eps", 0))), self.decoder(draw("z", 0))
        features, seen = self.discriminate(torch.cat([x[0], y]))
        _, seen_drawn = self.discriminate(torch.cat([x[0], drawn]))
        (of_x, of_y), count = features.chunk(2), len(x[0])
        prior, feature = kl(mean, log_variance), 0.5 * (of_y - of_x).square().sum() / count
        gan = says(seen[:count], 1.0) + says(seen[count:], 0.0) + says(seen_drawn[count:], 0.0)
        encoder, decoder, discriminator = self.parameters
        by_gan = torch.autograd.grad(gan, decoder + discriminator, retain_graph=True)
        by_likeness = torch.autograd.grad(prior + feature, encoder + decoder)
        of_decoder = torch._foreach_mul(by_gan[: len(decoder)], -0.999999)
        torch._foreach_add_(of_decoder, by_likeness[len(encoder) :], alpha=1e-6)
        gradients = (by_likeness[: len(encoder)], of_decoder, by_gan[len(decoder) :])
        for optimizer, parameters, found in zip(self.optimizers, self.parameters, gradients):
            for parameter, gradient in zip(parameters, found):
                parameter.grad = gradient
            optimizer.step()
        return {"step0.loss.prior": prior, "step0.loss.feature": feature, "step0.loss.gan": gan}


SYSTEMS = {
    "image_ae": ImageAutoEncoder,
    "vae": VariationalAutoEncoder,
    "anogan": AnoGan,
    "efficient_gan": EfficientGan,
    "vae_gan": VaeGan,
    "clip_latent": ClipLatent,
}
