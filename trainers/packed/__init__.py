"""Many LoRA trials in one forward and backward pass over a frozen base they share."""
