"""What a problem is like: its optimum, its gradients' variance. Sums over ranks."""
