"""What people read: tables, figures and article views. Computes no number: it shows those it is given."""
