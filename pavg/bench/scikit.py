"""scikit-learn's SGD on the same samples, doing the same work."""

import warnings

from pavg.errors import InputError


def estimator(problem, step_size, shuffle):
    """SGDClassifier or SGDRegressor with a constant step size, and nothing beside: no penalty, no intercept,
    no average, no early stopping."""
    try:
        from sklearn.linear_model import SGDClassifier, SGDRegressor
    except ImportError:
        raise InputError("missing: scikit-learn") from None
    cls, loss = (SGDClassifier, "log_loss") if problem == "logistic" else (SGDRegressor, "squared_error")
    return cls(
        loss=loss,
        penalty=None,
        alpha=1e-30,  # more than 0 is asked for, though nothing uses it
        learning_rate="constant",
        eta0=step_size,
        fit_intercept=False,
        shuffle=shuffle,
        random_state=0,
        tol=None,
    )


def fit(estimator, X, y, epochs):
    """Fit from w = 0 for so many epochs: the model, shape (d,)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        return estimator.set_params(max_iter=epochs).fit(X, y).coef_.ravel()
