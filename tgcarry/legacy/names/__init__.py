"""What old programs' modules contain, as tables: one file a group of modules."""
