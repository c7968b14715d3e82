//! Every SQL statement, migrations and due work.
