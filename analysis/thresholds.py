"""From where on a curve shows something: every number that diagnosis compares with, and where it is from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """What is "ours" was set on the tuning curves of benchmarks/tuning_curves.py, and judged on others.

    Shares are of 1; a "level" is a median of neighbouring values; "noise" is what neighbours differ by, as one sigma.

    Attributes:
        meaningful: Relative improvement under which nothing was learned (004, Root Cause: 2.7335 to 2.7150 is 0.68 %).
        material: Relative improvement under which a run underfits (004, Phase 1: the loss is to drop by 0.2 of 2.7335).
        sure: Standard errors that an improvement must be away from a bound (ours: 2, about 95 %).
        likely: The same where it speaks for a run: it learned, if that is likely (ours).
        perhaps: The same where it may have learned too much to underfit (ours).
        used: Share of its steps that an unfinished run must have used before it is said to learn too little (ours).
        early: A run whose first value is later than this share of its steps was not seen from its start (ours).
        quiet: Noise of a training loss up to which its first values show where it started (ours).
        drift: Relative fall from which on a curve can be said to flatten (ours).
        bend: How far under its chord a curve must lie, as a share of its fall, to have flattened (ours).
        eval_rise: Relative rise of the evaluation since its best that is overfitting (ours; 001, lora_r: "worsens").
        eval_rise_noise: The same in units of the evaluation's noise (ours).
        stall_evals: Evaluations without improvement that are a stall (ours; 001, lora_r: "validation metrics stall").
        stall_share: Share of the steps that a stall must last (ours).
        stall_fall: Relative fall of the training loss meanwhile (ours).
        stall_scale: The same as a share of the training loss at the start (ours).
        lasting_rise: Relative rise over the best level, kept to the end, that is a blow-up (ours).
        lost: Share of the improvement that a blow-up must undo (ours).
        rise_noise: The same in units of the loss's noise (ours).
        late: Share of the steps after which a blow-up is a late collapse (ours).
        spike: A loss this many times the median of the five before it is a spike (ours, as procedures use it).
        spike_noise: How far above that median it must be, in units of the loss's noise (ours).
        spike_scale: The same as a share of the loss at the start: near 0 every ratio is large (ours).
        wild: A gradient norm this many times the run's median, and its neighbours', is wild (ours).
        wild_share: Share of gradient norms that may be infinite: the scaler of fp16 skips such steps (ours).
        swing: Relative height of a rise of the smoothed training loss that counts as a swing (ours).
        eval_swing: The same for evaluations, whose rows are always the same (ours).
        swing_noise: The same in units of the noise that smoothing leaves (ours).
        swing_scale: The same as a share of the value at the start (ours).
        swings: Rises, each followed or preceded by a fall, from which on a curve oscillates (ours).
        dead_norm: A gradient norm up to this is 0 (004, Critical Issues 2: 0.0 throughout; the rest is rounding).
        dead_points: Norms of 0 up to the last that are a gradient that died (ours).
        stagnant: Identical successive evaluations (004, Critical Issues 4: three at 2.9310).
        stagnant_at_first: The same from the first one on, with six decimals or more (ours: the second can tell).
        lr_floor: Share of the peak learning rate that is effectively 0 (004, Critical Issues 2; the share is ours).
        lr_left: Share of the steps that may pass under it: 6 % of a cosine's, 10 % of a parabola's do (ours).
        still_falling: Relative fall over the last quarter of the steps with which longer training pays (ours).
        still_sure: The same in standard errors (ours).
        one_label: Share of rows predicted as one label that is a collapse (ours; 001, lora_alpha: "class collapse").
        one_label_f1: Macro F1 under which that is no skewed data set: one label alone never has half (arithmetic).
        confidence_gap: Mean confidence above accuracy that is too much (ours; 001, lora_alpha: "very high confidence").
        limited: The lower of precision and recall is what limits where it is under this share of the other (ours).
    """

    meaningful: float = 0.01
    material: float = 0.0732
    sure: float = 2.0
    likely: float = 1.5
    perhaps: float = 1.0
    used: float = 0.5
    early: float = 0.01
    quiet: float = 0.02
    drift: float = 0.002
    bend: float = 0.12
    eval_rise: float = 0.01
    eval_rise_noise: float = 4.0
    stall_evals: int = 3
    stall_share: float = 0.33
    stall_fall: float = 0.15
    stall_scale: float = 0.05
    lasting_rise: float = 0.3
    lost: float = 0.5
    rise_noise: float = 4.0
    late: float = 0.5
    spike: float = 1.5
    spike_noise: float = 6.0
    spike_scale: float = 0.1
    wild: float = 10.0
    wild_share: float = 0.02
    swing: float = 0.1
    eval_swing: float = 0.03
    swing_noise: float = 5.0
    swing_scale: float = 0.02
    swings: int = 3
    dead_norm: float = 1e-10
    dead_points: int = 3
    stagnant: int = 3
    stagnant_at_first: int = 2
    lr_floor: float = 0.01
    lr_left: float = 0.15
    still_falling: float = 0.02
    still_sure: float = 2.0
    one_label: float = 0.9
    one_label_f1: float = 0.5
    confidence_gap: float = 0.15
    limited: float = 0.9


DEFAULTS = Thresholds()
