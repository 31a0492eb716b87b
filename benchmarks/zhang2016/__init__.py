"""Zhang et al. 2016, "Parallel SGD: When does averaging help?": figures, tables and claims."""
