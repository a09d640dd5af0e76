"""Files of a home: who may read them, texts, and what is put aside."""
