"""The layers that both models are built of."""
