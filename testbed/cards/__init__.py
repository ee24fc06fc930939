"""The gallery of docs/CARDS.md: every card template in every state, as pictures."""
