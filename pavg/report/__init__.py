"""Result files become answers: tables, figures, the page."""
