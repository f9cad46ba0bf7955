"""Forward passes without gradients: the same results as the models' own, with less arithmetic and fewer copies."""
