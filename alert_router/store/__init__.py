"""Tables and questions: all SQL lives here. Functions take a Connection and never commit."""
