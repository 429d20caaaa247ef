"""The RPC contracts, and the stubs generated from them (git-ignored; `make stubs`)."""
