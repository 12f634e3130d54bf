/** Written by `launcher/build.sh` from `launcher/launch.c`, which says what the program does. */

/** SHA-256 of the sources that these were built from, one after the other. A test compares it. */
export const builtFrom = '63f59f5bb3cf65b7bd004d940f118a8b2a7b8b7e782455223acdafecb76f95a6'

export const sources = ['system.h', 'git-config.h', 'terminal.h', 'listen.h', 'launch.c']

/** gzip and base64 of an ELF file, by `process.arch`. */
export const binaries: Readonly<Record<string, string>> = {
  x64:
    'H4sIAAAAAAACA6VYDWxT1xW+L3ESE0Je0iZt2rXUZK+CtCWOWUEhkC5enfa6eqFpCVCVdm1wHBKRP9nPYEQKjmyveXGtThpbpQ2t' +
    '1bSfSqPSulXI/DR1CSTQbiikHQ2wEQQtecGQBljJD03ezrnv2TjpjybNUvLuPX/3nHPP+e59b1el+EQKx5H4L4U8RnCmkAo2r9Dp' +
    'JfkJEaCVklT4n07SmGwaSf5VzHqezyOzniRHe6BeOtINOl+omPWM/4wvZ83Se+YLqS6d/O8/XY1YrlJ5mPo/H1MOgbuWaFdeRldW' +
    'emBAyqBqtPQj6UsL/Od3R3uQhfQFXVmMdRJZPRH0F3l8+Jl+39S8bTl0SzST8t0DVO2jXH/sUg+VJ8WwKAxbVGskE6SpPGZBrn18' +
    'zH+4xNqZt5LK16ncS/2gfoHKE1T+iKrHqHq4oksyKBWdLpUGo54rNGxYmfDC2JmHXsSuUW6iZ+1B9IIGB6RFlZaBSku00nKcyoN8' +
    'GvVPfC0Ng/ZOI+V6adHh2JmNPWup/AmsGMEUdFxQeUJklRb1U1kSzqOUf4oTwzUwlm2CQu/RjEnCmBiuSKFhSeiPrOAwihph4gBb' +
    'V35B6Kd9NmEQLfJpENzKw6/M962+k0jzIIrYmCUaS2OJ2thjlychQrs80ZUDUWRBCL4ps8jborFRUe5T2mdUNRiV8qtWHvNkWHtJ' +
    'sV2NwoNoabaup/I1Gl7+FqxjPYCrWddZa+zyp+sgplu044oPSHb5khjeK/hAQZTHlY/BIpVPUDDuhqGWHFG+CUZpX98eVVUj8zkU' +
    'vQzpgkRtxdgrYJGncjC0o6L8mfIqszGKNsw4DC+vyUVmn9IMU1G+hMN8jbNY56xlnFNUHhIxt4eVDczIZVEeVUTGuwDSWzuMRClH' +
    'TscRdH7ji9YXrC9af9oDvOcXgSWHmthRS/QA9g64KR9mG5tricKe7+Q/YH05Pg2hsDRRecYy4Ft9F5HSMP1ffZAC1JHPgE/9Vyrs' +
    '8hSVT9rli6I8pLwzzZwO5mhO/3Y6kawnNM5zOicwjS6fg2yIRYMYTiczd6SiZy04CNnXfIysIsxD/8SEZwMNly/gUf3+N2A39qMX' +
    'YnjBDh+SytvhIYZsJyaqYL/voB2TqkqI9EOqflglG47HPofYwss3gBCLHyrQcEI3vpHVwXXc+nVUnl4L+46lQEM/hsrqMgaOS4t8' +
    'k2bP3ZBSRpdH41kdqYbtxq45DRkQww9uy0Y1DrZdWuwrrfbc5/NyVs9dPm9KjSfH502lnkyf11DuMYjhlyGmD42xk/a+o7Bbqgh9' +
    'oFrOWrsM9wWi0v2ry6R7aMetGYgWS77H2mlYGLuwH+exXCqfpsGznnm9BqF4P2uYkIf0GrLMNGzlaNGJLjFdBadzabmq60etnVnp' +
    'sWEEJnm012AgyhtYIv6JG1I2/J+RePh/RZoXKwB3bqA73EXfKiJliWEHN+IEgl0+qocvykqiqPSU/XMt1oGvzOxZnCiuCEK93hAH' +
    'CFmCacNK6xl5g7X4RXnSiig1BLvy4gIoN/ctVdUq5b5bWDR9Vv/UHk82sCuRXQPE2N0wmwGYVp6Amd1xHaVHp1TVeghX69X3Fpdn' +
    'S4oyYM453Qm2OOyM915GHmL+YKX1RFKZR6ewzI5UAM5p8fVYN1iOW9cnl8VgCtYYlIUoLLH7VW5rNg3tylHWTKHDNmHJ7egpmOzG' +
    'AtUQLdQuLMHVKi03YZMPIQPgrqBq5de8vwVmT4XavzBCcPMw1GOTiFl8cB0wgPYmBvyeTrNotNeRdpDRYH/DLxlGTBpjBzJ+pzFy' +
    'qb/PqLw7ibvXO6JyTMCBAh2atUAMaf6+jITfih843RwxEtbjmB6bkBMp0poQxkbIIN/5Nw5PNkTFfi6edIzRiJnPYUAJ4BYQTjJc' +
    'DwiD8AyBod4AU0j52XkYfQqjXfD8DJ5cPUgNwCBiIXFEgiMqL7IM80hStBQadcYA32lhEPslBPTr+cwD5UfgOQ1JQg4WxekJBjb7' +
    'GE87cPqU3EmEnCahwTIAQC4WKbQvwGAdbww0/J7Qz+rAJrRRhnvaWRQQOgnz3ojiik4H8s8xQVEY7GYDlOyPkwaZRZvQgNTzbKIt' +
    'hfOxuBRaihQjFSxPwLNAC34VuOApxqOxmpVPLMPXLlRnSj9Igm6IQD+OL0Omdp2DrdI2IF6BiaKOGeEoLUA7dvXIiAwwWxW8KRWg' +
    'YLIsGGTiIARl6bo3mT8MfFYQTAKKGGOjdv8/8PgT4SynjCYJFSzVsNNoLVQDpZPNwrMJFdCCqvWAkUXobxcKCBAFJEo7YaHIPm1D' +
    'oXBE+TqL7IwnMy4S24j5w9LZn8OSeYhN6vu0lBuxsFdnJrX/jT/QxC7sZjKRclBgB1u35gNCwZvgqnD7hgOgWhIpxVhzWaznqHyG' +
    'T7P6T6iJ0n+9DdLg/1hF4ki21lIb5uF9AsYHUjgjScANQmYwuj0rLr2XMAcBeiotZ5nr7DJskzUHFeNNVbXJe1hfxNuhKxVOg4Wr' +
    'vXjw9sSuBbCpwzs45V9fqSrKoImDOSQp8ni83ZYaA2IZ5JRP686r0TPBGhIuct3Wmri/7F7HoJHvxPOsUh6tDF7dngWn7auQKmVm' +
    'XFWTiyEpQaeSQOH1MtzBUBPM/EeNa8J1X5Cq4FU+GGD4h30J9WDUbFjfx2LSqoFVCPOyMnjTa49XcaSNrTBD5Sk+LcJ23XGrOxvj' +
    'QDsQAWYvInAJAhsj8GjTp8LStFGUh5UHJrTjK1x+LgMFriqPQET20GqBjv9bMY0jUpR/AiwlTxunw9jun56Ay0O4fDidTW5Id8H/' +
    'GSAcSsdUpt3AB185oQzdZEo+NPAJjhHr4V4GhdGBtNNAs6iozNqogt/dF88mQO9O1jCQx+BZL7QkxPgtHZyc/b9yOhYmsl9qC0qC' +
    'AKBsQDBvF0oJ3/knA4OsUhv0ppeG2xHzEja60TAoNoCEAC3WxGnztggPIyBISIBnO5folN/Ug+UWwgerwHI9KG59m+MD8w0M+cJ7' +
    'GLaxe3BWD1w3oHszPWPUkdxd3WRRNYDkGXS5RNtQCKOEmec7B1JxrmFkaC/DVgYtNuE5GnpPeFtH5moGzPTD8yacveyfftaTKYZ+' +
    'L7yFKDnfLv8HhSPsXrh0Sz2YOsTQGy7jyvob2pm3IpU1bSyNVZ1ySCc/kMqUVqxPUrqEegt1gRntgD2g6wV08nBK8irgkFQALqA/' +
    'yjnYeRj/BZFXPhK7oxtxQTkGVDYCmq5Iw/ndTlB4Ry+fEi1pdrkPdzyHXSUWGSsYGmG2gqWwaFXwc75TZAOV7xxHIGAYREgmeAIX' +
    'vUHwNiuNbWB4+dcGLYEFcKBkEoYLqlY+0JdApvNhtL2IMmTm5dc4rZZyoJbe1SsuB5oSK2ckgGul6RtYoJcyHp/sLnAcIY5BytHE' +
    'mQqXkTxmQuPAyb610nI19iCjJSpEDO2NAxTFtycwBJJGGtIQzXKWhpf+SjISceVlaQXEYdAcoOFHHwYHis4kDMWxd2c25XrgGk1A' +
    'dJsh9nfpoYOp2q3mtuPam63WTLqHI3/UY7vtWqRKu9Rob3WaHFTyqDIwpt5+oYpkMAQahnz/IjX+CqjBwRlRnmGLK53XtE2etf4c' +
    '05AkC5w5g3K7UAf2Yk/OVtA3Qjvd8+eSUeHpb57uw5p4IdSNt+C72FBL3oJvGlQT+Smh8DZbfVuZFSe3qCAKpnPrg9EIHte8DRof' +
    'j1YEjZ2EDzx/C4+2cWXbNWwaJmPjbWMjPwE6oD4CCG68d5vluE3WawYvlwhDcFFM3MVe0+vjNXajvO0F4la3JvJlvEt2PnQzIJxC' +
    'VcmEa98aY5fiPCzP3Uwfn2gvts8Sfb9cu9T1x+E1KQlUVuAuoN+2LlCH5qw86D+/S7qfOga1LQ4v/zOzeYb6Yz7l4hi+rvD7huLM' +
    'X2pM5aOx2afpMPN6iCX4e78vmdtcrQ6z29lUb66vMxNHa0t942YTMW9qbDG7G4jZ43aZm1odtU1IKWNTNoB/ui4xO7bVkTWtJrfH' +
    '0WCqb2xymlpdprpGl9Mhtbq2k2qnq7nR7W5sbTHVOVsanXWk0ut0mOpbXc21ksnpcrW6iNTgNG1xulqcTSaXs97jdtaZGiWyGf4k' +
    'aXs5cTTUtgCvnDQ1uiVnSznZUehorissK1zztK3yJWpdYxMrCx8plLa3OYHY4pSK1zpdW50uoDW7NxeW7Shsa3VJhWXklVcyydKl' +
    'xFzn3Gpuk5q9uLDLaWp0m1paTRI62lLbhK6Z0CMIb7OrtjmTOGD5VvAV/PZIThMpMxHwu6VVT5f+KIY8bSHuxs1ggzi94Dz8TARh' +
    'gpB8QtIeIyRq0vOeD28fz7InvBZxjM+t5rRviiC2S3uqu558/PEy0xKbc1NjbYvJsqx4WXHJUsujD9c5N1mWeSxFOomQYneDW3JJ' +
    'tZtIseT0SqTY1VpXK9WS4k1uNyl2tDY3O1sk8v//5id9+yRJ31kVfb7qjtny3Bz9XJ2WEv/Keqf+nfZObf7WHAXTHP172MWckFQy' +
    '57tr3pzvrd+hv1Bfv2QOPa6/mHy7/8nP1G/JS0b+9+vHf/8Fz/L18rAWAAA=',
  arm64:
    'H4sIAAAAAAACA6VYC3ATZ37/r3b9km3Zsc3DQOuVzKXYQ+xwNQlmynhlQ5KjaZIzurtOcndYyAI7fmFJudrnJBaPNhTTCRuSHoED' +
    'i9K7s9RhGm4Cjq+ZiZ3kMty5mQORa6eP5CSbBJtXsAmJFDDb33+1IsI4nc5UM5++b//f//36vt3edY8+ZBIESv5MNEj8NEGK/qwY' +
    '8Dfm30YBbBWJ+M+gdB03jVJ/yh1zk0HXdJteuP2ffse+/Y45+ctsyLmD7tsf+xrT6f/+yzfmPyJ/OCKS+r5AL5uwFps2rVqKsYOo' +
    'qlYitZeklgZNc/AcWdC/aFjc+G+MVwocF9FKmfz1DJPwzPj9JLbIwCfAv9S0BWMihdYK/jCew3ZSqq3D9O3SJVTQu5Q6v0XkYFrr' +
    's8o+piVJOvgFaLQddIZlnCsl9SHQfiPzvQO8/zBJfUd3ph90DdM941dLVo2LQigqpoXAa2riluaIiqbQOORZJTrz103OVe4iWnVE' +
    '004gen3gqc7WneEME5tsuu6s7yegryU6wfCImB7KzIRPQCNhpGHA2x+U5NPxCOSVEE29j9lK1Aea0WnW/R068wn0sC1XpiXaHt5B' +
    'ptFTVn/4k0IKnsvoPwBfl0fzhKCVxD7mN15HarSQ4lHEYGwBxW2A7YReLEfAuoboYh/8xP4Eb92Gt2HbJsQHdqoxyOQYxA3dP8aY' +
    '6XkrOAN+Jvh7u0ArI/DR32raTyKgeYvSLzrZ72n++gD8w7RvEVXP9IwMMG8Cz41vUufP8v0HrrI9onQm0+wPR3V+c/gCPoiIShx4' +
    'KlH/AeaRU7A9rLmWj55DfC7APuC9Zr1qVmd6KHgRvmHdJqHnpTqTGhHNoYPQLSpKoe2YT2WxLHNoTMwJifBfUhbkVDfk+F9Kynxf' +
    'JMdEnaBeAB+d//Js8MoM7dJ5mUMdmHX4qTx1hw7LDj2dhD2bpz6vwzJDJsocjYhZuuwx0EUhl595/4hEV8dAZw0UqwzrBmymRwka' +
    '9um5Q8jdiQx/eBv4mmhXmHHnypeAQA6uBdY9F2uOEXwfZl+4wJfjcDsGRk0lawu+D7HvZeRtA/JWwfq7iA3n7A3MMz3/EjwHv04A' +
    'bxL+Zp6s77oUH9QaPi5L8cEaHZYF3lmj7Du7bt+vdR04Pp8gfufBd2DxHHGX6fgREzmOEl11w+b3ZK5Zem0t1/mj2eqE1h92Vonx' +
    'oETxka7GmFOgE07gKdhjfmNiRkg0+NV0LY1JBl+W3U+ZF4fRQ44AvhM2ch7mSImcugS9LkMvziW2E/00fi1br5+QDfm+yUQrs6FH' +
    'RMwNtbRlIxZKvFSkE1dQ/5Xkf+ks8n4awwx5Dc1PryqZoE5pofLjgESOjfGaKQHzOPJgKVER14Ggx0oJcl5cy1birMcYeHP8B6EX' +
    '1+AYZidk1yhC5wjwnRLWktDp5HUm1k8IOh9nDtay0HkE9efMx/oz6kRXd7QUwQ6Z1N+Dz3Bz+ar1aaT+B9a/vaGdKIWe13ZQ9TZB' +
    'iTdAVri5FH2vNMT9w9bUoPeBkps1U3YT51eunr9/aJZXRURL6EXEs6SKjg9DdkkmHZcWOn7lx/pTvUcowYiYd9umZD6/DVruAZOQ' +
    'z3hO+KhBMPdtu6VVZQP+S8A5z9L0c4P7rwm1KqLvSqHUGJ5Dn1Pgk0nsl8CPdshl3EzUCtexKS1wV04xHefyhCiUc45y77BGso18' +
    'NofUW3oOl3dhLlGFFXb0AD2Xb2aru28l6p75z+ad2ju4R57HICE2yLnPMK4thkeRkzLoT3GvRO9P1oIuY2G22gkZwnPKvr/E/LFe' +
    'd/+k5+AXLjEYA/21DUIw+wUldv0pUzDeIgVveNOCvWk0VWZG/85U4mtA9znwCsCvEKP+VxbVuylXzYL8XIw81PujxP1vvu5Ljn0t' +
    '173oDx+FTv1C9sW3kS9pPa2xqFgQ4r5eCJ4NGVQ1SfQ62yMZPVrvF7DlFdDtQT4x7ThoU/ftGMPZ/vAe4Jx/R1ALUR/j8MHYUUGV' +
    'BI4JYpyP/NPSg9xDXxSoKiIWwk+FoVMPJHjc1Rf203FnATnAq6DtPnq9VvaHkzFnP5qEwLT1XctdPZL9HymInSwC3XWxqBxXk9fo' +
    'kkUdgX1DqMX5wOPcY9ls9+9nECMLrRT0Wk8LWbfmqv8JmB/1cCyfVLb5deDf3t+Zq4axH8B+ALXGuNzjPk/FGchVfwO4jFwPLCH1' +
    'DNZWIzdOLfSHue8K0H8uu/kcaripDcKn9dE6sXpEGn5SK8yNRX8hdEfz/PVX6kQ1ukGsBr/6zGL4zoQ4bxSro6hTrYPiev7j3rGs' +
    'mOvKHBKUhH8ZHohrg4k+nqtyXf9uhnM9PXRyxujlAxb1t1gTWUaviBlBP/N24WytozjuG7+MPIwZ8Y18j+J85kSeYjj2N1KckFtN' +
    'i+6O5YXegjLtcYprR2ko4mL8rJA2SkOsT7RGiZeQcFFAz4kiV3iPz0AbzX1XIi1xV/o75F/kqL26ZBl1OvX7mvmufJ1EvFXEBL26' +
    '/kUjNtat+eoY/EeCv37ABv3/VOiWJeUY2zK2geKKRMdkyX5MQM4qknBsDLaz7GucUxe1kz8AHz4PtIM0pB0Vup/i3EFctH+noYCg' +
    'VJdEBP0MOLKAHJw/AeROPeMA1/Y3u8Pj4Mf+Zl2308B0AD57C3qOc0yT8O27wwwfApxznvvHAJ6tu3aHOedn++Uz6BaY0Aavi+nl' +
    'P5/QHtyFM1E2JWpurvz6AvgXjPtDaxY5Xp167mxOXk4f7igOPku5Xu1Gve6HDt8RYw++8LyyL9W/zDtQ6A/v1Xtlxm3fv70tofvu' +
    'WXCOJ+fHzlnwWgP+PODONO7NOSEhT+hbgGfWUa/dnXl6vZ0XzaPU0h37nZ6fgL+bp/4r1hutOJdycOauxF2a5yzkSW6in8uZueo7' +
    'SXzcU4Zn+G6Wgbqfn7jrnc7T95kmkucPj+QlfGXFnTVpK/e170Kfzyj24LZZfuA8exx7jzzAcVoQ+jqfF8s7w68Tnb4Cmz5FrPf/' +
    'Q7FabH5jutc07+m1yOUrGbGT5wF/xRR7cBI5wve162JhmdabG+SaYJ2X4T5r/Zp78/tcDzX2buTcAxFxXnkb22ylldpZ1Bz0Yp/v' +
    'kr+mzxrvIBfOKkO1xeTxl5BjPe6i7CO+x64XTIl7d1W+2jWTOBtTfcD+scAHxxC/GtRHsu/+EGsRdA3DOWp/ct2Vo/40uc7PUV81' +
    '3jnYNuccvrsi5pddE+8puy4WlHGfYX0bPtcGI3kj3f7PtZWRkpHuhmJ6gN8JtW45xvcN9IQpvKs5PIhVVCxGrAtgR55eQ7NtD8yP' +
    'DUZalHhEywpOjitDMg2HubdFe5V4TRqtOJJOjgs9SnxMXBiK/JcydPAmenoRVSXuhQtDzsk89QRg/kKcZ9j/BeDncTdNvHdkhF7E' +
    'XqCAqvCGvTeC521p+WoQMCpI4DMOyxnG/SN6TRn6Nfx7Wb8/2Id4fzvyhHPWjvy5ATjbwfawLYIwMD1XLhzJUr78cws5bgixk1H0' +
    'qmSe/gx8PDj/LvBd6wUlPsp3zRx/wQDgPLNcljkO+B7oaaK94YhxD9TvQug9LMMG+E2+z8H2iLg4lIR/CZifhxQ7+X1TbDCdzy9x' +
    'yV19eQfkfUl8Z1p0196z2Es3UZX2zzRkga4MX23Ywfs+Pf8W30H3G/0sX6Tvt2I/dW9a79dLQk74XL8XAO+HWP8B78J0Q3P8XKLT' +
    '5cB7DzHLwLybAtOMP0IZfbVCxiifRXP5+Bjq7Tze1TWyT52KaY5rkLMtxufQIt3feCcOf8s4WxP9ZlHo5o2vdON3UrapQcI7i9GT' +
    '2C6uuTrody98dxw8j+l++iqGVcBdHNNO2pAPibOkQPeFSXxDP0uW81lTOdKtfKhVcR9oAS/o23mioP/Jj29pC3jtNfU/qX8bQW/B' +
    'Gblg/ZpHziZrHfbttT6Rrz4PunQ+O7d6OlyVXnfr5srNjZXk6mjf3LxFpspNze2V3iaqfMbrqWztcDlbGbJaf9QX+KMELVW6/qqR' +
    'HuuQvc+4muTNza1uucMjNzZ73C5fh6ebnnB72pq93uaOdrnR3d7sbqR1XW6XvLnD0+b0yW6Pp8NDvia33OL2tLtbZY978zNed6Pc' +
    '7KMtGD5f9xpyNTnbsbeGWpu9Pnf7Guqxudoabattjz2+dt3GR+yPrX10nW25zde91Q1gu9tXscHt+ZHbA1ibd4ttdY9ta4fHZ1tN' +
    'zz1npvvuo8pG948qt/rauliwxy03e+X2DtnHirY7W1k1mTWCeVs8zjYzuSC+A7pC72d8bplWywS92zsMdxlTBfzUQt7mLeBB7i4o' +
    'j5+MIWHMI0obJBqWjW9p88iEq46mzSOB7k3sC0VC4nse0HoTs9ab+v1N+HE9SV1/LCzOKdFhCzG6LmnaspTvdMsx9gC2PAXGXxH/' +
    'EbAqA1ZE+kciehew7zPAbpG/Y0ngtvL3wsuaJqfQ+5kGsORXSZb7MvMF7NkE/f3fM1vIjqa5RD+IiQKX9Q97RHWW/EOmw8JfmD/6' +
    'kDFY9mmMDy4b+tgtftN6i+6nCYyrgF9ieK1lr/WhQy9Jh1XJ8+FHFgYx7xz46I0rmtbIgMcTvNcx66T92L955Sv9mUYBLPNTQx+7' +
    '5YlD5sNZG1JoGrD/Z9jfa9Dcj+FjOYDtEXRdAnLdoZ3S4R1S3b7t0g/MH350lo3xJhcJPgPAzZ/StKUpst8ETAbsXEJfXbbL8AXH' +
    '6L+xfw77+826bqdNh8oPl9X+ZOn+0of2LXv5T1659++/8artgPWg/NMSeriubrW8bK17U7OzXV7xzYpvVtx/34qqMmNJVOFt8vo8' +
    'PucmqvC5u3xU4elodPqcVOFu2rgZieymik1eL1W4Otra3O0++v/+slO+QVPK9+4J4/mDe+7El2bR32PQm4znNwsUY048B4T/nb54' +
    'Fn1DkWLMxndv0534mbPoSw2YSLO/n8/+bj43/TJD/v2z4En6kllwYY5ZnMOvLxj0K76GPvn7H+c8m4d4GAAA',
}
