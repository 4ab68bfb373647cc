"""What the README's figures come from: one command each, ratios measured side by side in one run."""
