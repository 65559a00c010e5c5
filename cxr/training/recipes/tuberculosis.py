"""The recipes for tuberculosis.

The flagship learns from four sources, and each is left out once to try it: see
`cxr.training.source_folds`. The others learn from one pair of sources, tuberculosis of one and
normal films of the other, and are tried on the other pair: what they have learned about the
sources is of no use there.
"""

from __future__ import annotations

from ...scoring.recipe import Augmentation, FirstStep, LungSupervision, Recipe

__all__ = ["RECIPES"]

FILMS = ("tbx11k/tuberculosis", "qatar/normal")
#: Of the flagship: four sources, three of them with both labels.
SOURCES = (
    "tbx11k/tuberculosis",
    "qatar/tuberculosis",
    "qatar/normal",
    "nih/normal",
    "shenzhen/tuberculosis",
    "shenzhen/normal",
)
EXTERNAL: dict[str, tuple[str, ...]] = {"other-sources": ("qatar/tuberculosis", "nih/normal")}
#: Cropped inside the border: markers, shutters and burnt-in text are there.
MARGIN = 0.08

RECIPES = (
    Recipe(
        name="tuberculosis-efficientnet-lite0",
        finding="tuberculosis",
        source="tuberculosis-sources",
        films=SOURCES,
        test=0.15,
        validation=0.15,
        architecture="efficientnet_lite0",
        arguments={"dropout": 0.3, "pooling": "fine_evidence"},
        # The films' labels alone are learned from what tells one source from the other: the boxes
        # say where to look, and parts of films are set into films of other sources.
        boxes="tuberculosis/boxes.csv",
        boxes_weight=4.0,
        pretrained="imagenet",
        input_size=256,
        channels=3,
        resample="bilinear",
        margin=MARGIN,
        levels="equalized",
        optimizer="adamw",
        learning_rate=5e-4,
        weight_decay=1e-2,
        batch_size=64,
        epochs=12,
        schedule="stepped",
        keep="last",
        label_smoothing=0.05,
        storage="float16",
        lungs=LungSupervision(
            averaged=4,
            aspect=0.2,
            soft=0.4,
            shutters=0.2,
            devices=0.2,
            transplanted=0.5,
        ),
        # The classes come from different places: what tells a place (framing, sharpness, tone,
        # noise) is varied until it tells nothing.
        augmentation=Augmentation(
            rotation=12,
            scale=(0.7, 1.1),
            anywhere=True,
            flip=True,
            tone=0.5,
            sharpness=0.9,
            gamma=0.3,
            contrast=0.3,
            brightness=0.15,
            noise=0.05,
        ),
    ),
    Recipe(
        name="tuberculosis-efficientnet-lite0-v1",
        finding="tuberculosis",
        source="tuberculosis",
        films=FILMS,
        external=EXTERNAL,
        test=0.15,
        validation=0.15,
        architecture="efficientnet_lite0",
        # The films' labels alone are learned from what tells one source from the other: the boxes
        # say where to look.
        arguments={"dropout": 0.3, "drop_connect": 0.1, "pooling": "evidence"},
        boxes="boxes.csv",
        boxes_weight=2.0,
        pretrained="imagenet",
        input_size=256,
        channels=3,
        resample="bilinear",
        margin=MARGIN,
        levels="equalized",
        optimizer="adamw",
        learning_rate=3e-4,
        weight_decay=1e-2,
        batch_size=32,
        epochs=10,
        schedule="cosine",
        warmup_epochs=1,
        keep="last",
        label_smoothing=0.05,
        # The classes come from different places: what tells a place (framing, sharpness, tone,
        # noise) is varied until it tells nothing.
        augmentation=Augmentation(
            rotation=12,
            scale=(0.7, 1.05),
            anywhere=True,
            flip=True,
            tone=0.5,
            sharpness=0.9,
            gamma=0.3,
            contrast=0.3,
            brightness=0.15,
            noise=0.05,
        ),
    ),
    Recipe(
        name="tuberculosis-vgg16-features",
        finding="tuberculosis",
        source="tuberculosis",
        films=FILMS,
        external=EXTERNAL,
        test=0.15,
        validation=0.15,
        architecture="vgg16_features",
        input_size=256,
        channels=3,
        resample="bilinear",
        margin=MARGIN,
        levels="equalized",
        optimizer="adam",
        learning_rate=1e-4,
        batch_size=32,
        epochs=15,
        storage="float16",
    ),
    Recipe(
        name="tuberculosis-tb-cnn",
        finding="tuberculosis",
        source="tuberculosis",
        films=FILMS,
        external=EXTERNAL,
        test=0.15,
        validation=0.15,
        architecture="tb_cnn",
        arguments={"pooling": "average"},
        input_size=256,
        channels=1,
        resample="bilinear",
        margin=MARGIN,
        levels="equalized",
        optimizer="adam",
        # As they are drawn, its wide layers say the same of every film, and their units die.
        settle_units=True,
        learning_rate=5e-4,
        batch_size=32,
        epochs=2,
        schedule="cosine",
        warmup_epochs=0.5,
        # Pooled over the whole picture, it takes any size: most is learned on small films.
        first_step=FirstStep(epochs=12, input_size=96),
        augmentation=Augmentation(scale=(0.8, 1.0), anywhere=True, flip=True),
    ),
    Recipe(
        name="tuberculosis-thumbnail",
        finding="tuberculosis",
        source="tuberculosis",
        films=FILMS,
        external=EXTERNAL,
        test=0.15,
        validation=0.15,
        architecture="thumbnail",
        input_size=32,
        channels=1,
        resample="bilinear",
        optimizer="lbfgs",
        learning_rate=1.0,
        weight_decay=0.05,
        batch_size=256,
        epochs=1,
    ),
    Recipe(
        name="tuberculosis-border",
        finding="tuberculosis",
        source="tuberculosis",
        films=FILMS,
        external=EXTERNAL,
        test=0.15,
        validation=0.15,
        architecture="border",
        input_size=32,
        channels=1,
        resample="bilinear",
        optimizer="lbfgs",
        learning_rate=1.0,
        weight_decay=0.05,
        batch_size=256,
        epochs=1,
    ),
)
