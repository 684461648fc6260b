"""The report: one offline page per plan."""
