"""Zhang, De Sa, Mitliagkas & Ré 2016, "Parallel SGD: When does averaging help?": sweeps and their figures."""
