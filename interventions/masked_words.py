"""Words whose inner letters `masking.mask_words` hides, as fingerprints: this file can be read aloud.

Each entry is `masking.fingerprint(word)` of a case-folded word of at least four letters that the Surge AI
profanity list (MIT licence) files as a strong or severe slur. Words that are also neutral names of a group are
left out, so that a table about identity groups stays readable.
"""

from __future__ import annotations

from typing import Final

__all__ = ["MASKED"]

_FINGERPRINTS = """
    00354ed5f6 00be32dac6 012024f0ca 0196a1f6f6 05dadea70c 0780747fbc 07e19e7fa6 083b858109 0930ceb7e9
    0a02f16587 0c06b13f84 0d0a1dab2f 0d2a5198e7 1024f168f8 113d4ebfae 1336322e60 1438f53b0a 15ee4f2c61
    177dce5c3b 1793f106ac 189c38c47a 19d09e3df3 19d6ee1eb6 1cd9d0b90b 1d360c1e52 1d9a1ecdd1 1ef8543456
    1f693fae10 1fd71446e4 2130295b7c 2196c7379a 223e58047b 236f550c1b 2563df90b0 2573e30738 267d300d82
    26c3e085b2 27631b6496 2a539eac9e 2bc09fbe44 2c58b7e2d4 2c8674da98 2da706f788 30a4ec8c59 34d01c92aa
    37b2cc7231 3c0a20274a 3d80cf2591 4044787277 417650f557 4423e4415e 452b5d1c88 481d148b72 487735ede9
    4a9edfe972 4bc4a8ad20 4c30e99af9 4e882350a8 506eac45c1 5079b64a55 509bba3982 519588c968 51bf8dfd3d
    56050af8eb 5664befc7b 56c6c92bcc 57e4f7475c 585182a11c 59eba97fbd 5a2a62494e 5a56d0b361 5ba84f8bb2
    5baa108eaf 5c510f5076 5d2b987118 5d91f7d144 5ebd19ac78 5feb7337b5 606555d7cc 608ebefe08 60c9e2e776
    625483a5d8 661ee01206 66a65f74aa 66c98fa101 68cbb70653 6b10e2f8f8 6b700681be 6c46e140de 6d70a44755
    70d5b70219 710a2a2502 7614eb3e5a 76b7db9569 76ddf3ce6c 7727330aa6 7afb171904 7b642d233c 7bb1af3569
    7bf4e80ab8 7c3e7c5acf 7d39cabe4f 7eb2e4ac15 80a66fabe4 8203a2c57b 8243cd7e91 8559f10567 855a422d7f
    86333eaf1e 866f928c9b 86e185a2e8 8732eeb4e0 88331e14a7 8960280e26 8ae7d928ae 8d95248de6 8d953cad00
    8d95c027dd 8df27b108a 8eb5c09c63 8f0915e07f 901d47dc36 92e0fe04a6 93b140e6a8 955a29fa65 962d8fe24a
    9645679c46 98de4f6e49 9a051a4df5 9b35b84531 9b9d35e236 9bd85a6750 9f6115854c 9fefbb31bb a173b9460b
    a385f47eed a56887f284 a57330daba a6368e971a a74853cade a865244938 a97923d8da a9bfaf4a24 aa0f121335
    aa4991bf88 ab1cbf9eee acadbf7222 acb1e6a900 ae5ec2bacd b136985757 b4219a93cc b49bba1d65 b55b81be72
    b7b6e8ead0 b85626d503 b8eb2d771b bab2561650 bf7edbbbee c29769ddd0 c58c15c032 cdb0d8e9f5 cdfe5e8d8c
    cefc40f446 d44255a3e9 d615b4ec14 d6631902ca d6ee3fa19b db67f8ea62 dbcb027cb6 dbf989bb41 dd0c64f6d1
    dd5b4ab8f8 de1e114979 de2e610b18 deec94770c df8f61e232 e1a4828900 e1a51b1f49 e1f0d99428 e5234a7c4e
    ea9d56a57c ebd85f8ceb ec800f8a9d ee1860b723 ee7ec36124 f055125dba f079bf389a f08735a5f7 f0f326e86d
    f1058b2484 f219ac31bb f326ae35f0 f39c64e31f f565964077 fb7be13fb3 fbd88f520c fc8f0c97ff ff2f06bd9b
"""

MASKED: Final = frozenset(_FINGERPRINTS.split())
