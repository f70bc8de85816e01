// Made by Tests/TokenTests/make_tokens.py with PyJWT; do not edit.
// swift-format-ignore-file

enum TokenSamples {
    static let secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    static let rsaPEM = """
        -----BEGIN PUBLIC KEY-----
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAisVgzCYYuyEmQStcel7U
        mYCpQgBsyNapUo7ZHEwAu1hWAf1mOmR4VYMzaIhe+PL6fWwDkc4A4Nz+JckyL8Be
        QdATU8EqIsxvQHQ+qvT43qth6bhxBbopTSwWcQmTHvImdtBAqGkk/MV/AM+JbgcC
        Pf6n/ZLeUd8UY1jhiv5C6phdgmHDS2bwp4tpPq5rLoDXdcWIraxtFmNegbgt9Raq
        6Jr6ysPnXc/vttdm119WCUaUeYZWge7V31Jyb0i2qosnhfz3/20qRe92S28iYhBh
        PJKf+B4DTmGZb2OVX/8xsHgzPJuR3sQnD8CvEjEk94jH9O5fToGgXLSZV3klmQe2
        rQIDAQAB
        -----END PUBLIC KEY-----
        """
    static let smallRSAPEM = """
        -----BEGIN PUBLIC KEY-----
        MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC2Kfcmi3Rmjp6S8y3niunrIb5d
        RNmxFs0neLeDfvKYIc6v4d1mFHidUOkh6rAWyyltoFuYjozSsZTU/XKiuO3yOm1V
        93xH27OkyomtjII7REfMu/KhKvTKRVZwvbz8BS1ygos6/zs2L+Pm2Z8fU4kQMn+m
        eSUsUp2lEMuzdjm+xwIDAQAB
        -----END PUBLIC KEY-----
        """
    static let es256PEM = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEt8If7husMFRADNIlAr9dV/TAOkT
        /8qtKv8gQ18zJdje6MPELp+OZK+30xzmV2RCPl3m2gz1zK5HP8S5fLixSA==
        -----END PUBLIC KEY-----
        """
    static let es384PEM = """
        -----BEGIN PUBLIC KEY-----
        MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE1Cp+qGsF/T28xZ60UYfsAqRUnaTpemKv
        R3IoETMF6ziFsOunmlBGri66n1xmOowrl074xRGkS71vFA1BnqoIpw1wmb8ElPIk
        EHAvXP5anQ5nMGJHq/fZawp8OqRZSSST
        -----END PUBLIC KEY-----
        """
    static let es512PEM = """
        -----BEGIN PUBLIC KEY-----
        MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQA50M0h5NAAldM0nVevd1505+WyQWo
        cNu9ADv/lSUbDGzatoEFBwsv5TilXWB0NZ2j2ttwaTjbtn9uupGR5fTzPg8AteFz
        Yak0XjptfUEqOOZ2YnOFb5oQlIWFmlInZrdmb3ii2No0oRMG8t4k2Qj8HD0MD9wM
        g3zwmBjsSwTlPONOqA4=
        -----END PUBLIC KEY-----
        """
    static let edwardsPEM = """
        -----BEGIN PUBLIC KEY-----
        MCowBQYDK2VwAyEAP/rORu6Ep6nVM+W89LtTovz16f4meUL+fJjvb5aC1Ss=
        -----END PUBLIC KEY-----
        """
    static let jwks = """
        {
         "keys": [
          {
           "kty": "RSA",
           "n": "isVgzCYYuyEmQStcel7UmYCpQgBsyNapUo7ZHEwAu1hWAf1mOmR4VYMzaIhe-PL6fWwDkc4A4Nz-JckyL8BeQdATU8E\
        qIsxvQHQ-qvT43qth6bhxBbopTSwWcQmTHvImdtBAqGkk_MV_AM-JbgcCPf6n_ZLeUd8UY1jhiv5C6phdgmHDS2bwp4tpPq5rLoD\
        XdcWIraxtFmNegbgt9Raq6Jr6ysPnXc_vttdm119WCUaUeYZWge7V31Jyb0i2qosnhfz3_20qRe92S28iYhBhPJKf-B4DTmGZb2O\
        VX_8xsHgzPJuR3sQnD8CvEjEk94jH9O5fToGgXLSZV3klmQe2rQ",
           "e": "AQAB",
           "kid": "rsa",
           "use": "sig"
          },
          {
           "kty": "EC",
           "crv": "P-256",
           "x": "Et8If7husMFRADNIlAr9dV_TAOkT_8qtKv8gQ18zJdg",
           "y": "3ujDxC6fjmSvt9Mc5ldkQj5d5toM9cyuRz_EuXy4sUg",
           "kid": "p256",
           "use": "sig"
          },
          {
           "kty": "EC",
           "crv": "P-384",
           "x": "1Cp-qGsF_T28xZ60UYfsAqRUnaTpemKvR3IoETMF6ziFsOunmlBGri66n1xmOowr",
           "y": "l074xRGkS71vFA1BnqoIpw1wmb8ElPIkEHAvXP5anQ5nMGJHq_fZawp8OqRZSSST",
           "kid": "p384",
           "use": "sig"
          },
          {
           "kty": "EC",
           "crv": "P-521",
           "x": "AOdDNIeTQAJXTNJ1Xr3dedOflskFqHDbvQA7_5UlGwxs2raBBQcLL-U4pV1gdDWdo9rbcGk427Z_brqRkeX08z4P",
           "y": "ALXhc2GpNF46bX1BKjjmdmJzhW-aEJSFhZpSJ2a3Zm94otjaNKETBvLeJNkI_Bw9DA_cDIN88JgY7EsE5TzjTqgO",
           "kid": "p521",
           "use": "sig"
          },
          {
           "kty": "OKP",
           "crv": "Ed25519",
           "x": "P_rORu6Ep6nVM-W89LtTovz16f4meUL-fJjvb5aC1Ss",
           "kid": "ed"
          },
          {
           "kty": "oct",
           "k": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg",
           "kid": "hs",
           "alg": "HS256"
          },
          {
           "kty": "RSA",
           "n": "isVgzCYYuyEmQStcel7UmYCpQgBsyNapUo7ZHEwAu1hWAf1mOmR4VYMzaIhe-PL6fWwDkc4A4Nz-JckyL8BeQdATU8E\
        qIsxvQHQ-qvT43qth6bhxBbopTSwWcQmTHvImdtBAqGkk_MV_AM-JbgcCPf6n_ZLeUd8UY1jhiv5C6phdgmHDS2bwp4tpPq5rLoD\
        XdcWIraxtFmNegbgt9Raq6Jr6ysPnXc_vttdm119WCUaUeYZWge7V31Jyb0i2qosnhfz3_20qRe92S28iYhBhPJKf-B4DTmGZb2O\
        VX_8xsHgzPJuR3sQnD8CvEjEk94jH9O5fToGgXLSZV3klmQe2rQ",
           "e": "AQAB",
           "kid": "for-encryption",
           "use": "enc"
          },
          {
           "kty": "XYZ",
           "kid": "of the future"
          }
         ]
        }
        """
    static let tokens: [(algorithm: String, token: String)] = [
        ("HS256",
              "eyJhbGciOiJIUzI1NiIsImtpZCI6ImhzIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhbGljZSIsImV4cCI6MjAwMDAwMD"
            + "AwMCwibmJmIjoxMDAwMDAwMDAwLCJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOlsibXF0dCIsIndlYiJd"
            + "LCJncm91cHMiOlsic3RhZmYiLCJzaXRlPWZvcmdlZCJdLCJ0ZW5hbnQiOiJhY21lIiwic2l0ZSI6ImJlcmxpbiIsIm"
            + "xpbmVzIjpbMSwyXSwicmVhbG0iOnsibmFtZSI6Im5vcnRoIn19.yyi0ZcCTZdOebv4P4xg4aeH6XyTAvCWBtMoI267"
            + "nBfQ"
        ),
        ("HS384",
              "eyJhbGciOiJIUzM4NCIsImtpZCI6ImhzIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhbGljZSIsImV4cCI6MjAwMDAwMD"
            + "AwMCwibmJmIjoxMDAwMDAwMDAwLCJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOlsibXF0dCIsIndlYiJd"
            + "LCJncm91cHMiOlsic3RhZmYiLCJzaXRlPWZvcmdlZCJdLCJ0ZW5hbnQiOiJhY21lIiwic2l0ZSI6ImJlcmxpbiIsIm"
            + "xpbmVzIjpbMSwyXSwicmVhbG0iOnsibmFtZSI6Im5vcnRoIn19.aUTJBgDUXcVZEwueEmxfA8ytG1dTNisGF0Ry8lV"
            + "1D6l2xCox9Nf6rQmqWSUIR6gP"
        ),
        ("HS512",
              "eyJhbGciOiJIUzUxMiIsImtpZCI6ImhzIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhbGljZSIsImV4cCI6MjAwMDAwMD"
            + "AwMCwibmJmIjoxMDAwMDAwMDAwLCJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOlsibXF0dCIsIndlYiJd"
            + "LCJncm91cHMiOlsic3RhZmYiLCJzaXRlPWZvcmdlZCJdLCJ0ZW5hbnQiOiJhY21lIiwic2l0ZSI6ImJlcmxpbiIsIm"
            + "xpbmVzIjpbMSwyXSwicmVhbG0iOnsibmFtZSI6Im5vcnRoIn19._fLAT0U6fnn6Lb4mMJfBq0K2KpZ50ASz_gzG8D8"
            + "XN7rr4JLHrf6wsvCDxTG8fFpgA3sZHWOeeq875z2T__Fyag"
        ),
        ("RS256",
              "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6MjAwMDAwM"
            + "DAwMCwibmJmIjoxMDAwMDAwMDAwLCJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOlsibXF0dCIsIndlYiJ"
            + "dLCJncm91cHMiOlsic3RhZmYiLCJzaXRlPWZvcmdlZCJdLCJ0ZW5hbnQiOiJhY21lIiwic2l0ZSI6ImJlcmxpbiIsI"
            + "mxpbmVzIjpbMSwyXSwicmVhbG0iOnsibmFtZSI6Im5vcnRoIn19.bC8pZcxhXOTL4hCI7ABOgG5SEF_2ZWqWh8zdxU"
            + "Gyr9HfyO-0gIXEsta6530ib3whC9Nj09BXgoFZtt29agTmyMQJNoVPYujrr4e2kMAK69TboavqeRiUZ_4fnzokHYyO"
            + "-yCeKj1xss9366rHqC4isQbxFfj8B7lr8N2yCbUhPnJiu9ld7gEwhcfIeU9l5qF09nhC563lpPcfLNmn_PmipqjJCL"
            + "4G8lT2evvKE0IV9XYCjceNwGpScJSkE__GdqxN_RNA6BrzmBBjrBdm5Tb3QSEV8bU8RdPhHKLQQDf3kz9VqNJfGhQh"
            + "EGWANLi__zMM9f1jpzHhwP_RzPiGGZUvMg"
        ),
        ("RS384",
              "eyJhbGciOiJSUzM4NCIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6MjAwMDAwM"
            + "DAwMCwibmJmIjoxMDAwMDAwMDAwLCJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOlsibXF0dCIsIndlYiJ"
            + "dLCJncm91cHMiOlsic3RhZmYiLCJzaXRlPWZvcmdlZCJdLCJ0ZW5hbnQiOiJhY21lIiwic2l0ZSI6ImJlcmxpbiIsI"
            + "mxpbmVzIjpbMSwyXSwicmVhbG0iOnsibmFtZSI6Im5vcnRoIn19.NR9vboOsKDfD-5XFNsqea7Un7AveCSQDnobPKr"
            + "k7V9JgbYhb2vFPpp5IqtzgXIJn7OqCkxxrV0LyZIeWbxVdQXUZ_bwqenHW1mVw76gcYh16Nr8tABeyLsUhh_EsWe4X"
            + "cn8LlFp-ABhxNJQoFPj6RZPi5Z1LNSxguMqu1W1niK7Zd35g0Yd1vngsaR52EsGoczApqXuHrLD1oxdUnQ6ZPJ2UO-"
            + "oey3PB6RxMU8n6_OBW1k2vFdGOJSZmQOUYV0wKFe2tTewRYyMm28g0Xw21aUqqlHh2T0uDjQGbjcqvUIo6LbrWbMan"
            + "zGrO2ANyP2JML82JW8BOSPx4zCv_z4D0SA"
        ),
        ("RS512",
              "eyJhbGciOiJSUzUxMiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6MjAwMDAwM"
            + "DAwMCwibmJmIjoxMDAwMDAwMDAwLCJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOlsibXF0dCIsIndlYiJ"
            + "dLCJncm91cHMiOlsic3RhZmYiLCJzaXRlPWZvcmdlZCJdLCJ0ZW5hbnQiOiJhY21lIiwic2l0ZSI6ImJlcmxpbiIsI"
            + "mxpbmVzIjpbMSwyXSwicmVhbG0iOnsibmFtZSI6Im5vcnRoIn19.H7Tx9muuaQd7llR8Akrl0pXf5U1K3oMHK23WNa"
            + "J5VFU6UGAzPxHbLaRBPF9mZ9NMSd5hH2tQq5IXjdBAHCyF2u3OUZXHWXfuUmR2AHlccs27KmGs-91xZ0808jHoO_b5"
            + "5pTAYqqX6XoCk-0ekG0xe4doCsNKdl15ItFX2Z0p129nbJerN5EmNx3pV8REzqEx4xC0AAHvP3XfBcW4h1Xhuh1gcc"
            + "5QZczgbyd7G0QK07iQGo3XMmxNSBdJOOzxsuuyZFVKDk31Lxc_zsMaclYWmApu0gPa_t9_HxYbaYWiwFmfs3AC5_5a"
            + "bVteoLIQbxzeG7_cSJ3qv3ON6Qnd-wlyWQ"
        ),
        ("PS256",
              "eyJhbGciOiJQUzI1NiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6MjAwMDAwM"
            + "DAwMCwibmJmIjoxMDAwMDAwMDAwLCJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOlsibXF0dCIsIndlYiJ"
            + "dLCJncm91cHMiOlsic3RhZmYiLCJzaXRlPWZvcmdlZCJdLCJ0ZW5hbnQiOiJhY21lIiwic2l0ZSI6ImJlcmxpbiIsI"
            + "mxpbmVzIjpbMSwyXSwicmVhbG0iOnsibmFtZSI6Im5vcnRoIn19.KH1H_ubW0bdrp5IYY_vp0NtMSp_VZEpxNlPepu"
            + "4py007i6-kB7HguAq4MLfmihFAiC3GyrC4xR9ALKv8am7t_NyhBdgAiQbC1-q9xYpHmal43YGVOJUIhAX4ahjTXu2N"
            + "hsuIKv24Cq6y-I2Ibe7sstykZZvuxLx7iduVMEo44jE_Qom4oYo7Y2t3Igj8C7Cf5UyQvi_cweLmb_HQ_uxO3dSWze"
            + "yVk8vjAYWNjxGifZ-pKw83xnY4iVldABSGCXTfu0OjNYtz8RL8nx5Hhq-4jpaeXTXV8a_dVZubXHak7XTAsVpnWXFe"
            + "TNcEO1Z13IaOSWUOjykdcPwRhqzQayI0fg"
        ),
        ("PS384",
              "eyJhbGciOiJQUzM4NCIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6MjAwMDAwM"
            + "DAwMCwibmJmIjoxMDAwMDAwMDAwLCJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOlsibXF0dCIsIndlYiJ"
            + "dLCJncm91cHMiOlsic3RhZmYiLCJzaXRlPWZvcmdlZCJdLCJ0ZW5hbnQiOiJhY21lIiwic2l0ZSI6ImJlcmxpbiIsI"
            + "mxpbmVzIjpbMSwyXSwicmVhbG0iOnsibmFtZSI6Im5vcnRoIn19.gb6bKYVsJ84lgzSdvJmDQymC67LYkocX-xBvCX"
            + "Wxk4y_Rql-rxaYJCQk-9UdRruYWzLHSBBupuUvRTTMSxhdPM0jMQyPbAf0do-xIBmyJnStqwIn_ZFFTfUrgGAjDyDX"
            + "aiNXJri4A9rkEG24Q1HEdpjv4RyfR5QaQSvVAbMMFqj6ldVo65f2L7sACx0AGdsSRLOxE8eclEyVe_GMv-YN_h7Lji"
            + "U91QB61n8MYEGdvsqszZ3M9sOjr7ZKDSHy4WysD6jz3ffDork5zZxNy2JkMN23CLbOYxf_pTVuKpQNdxQsIHQjueXg"
            + "O6Qbb-H7-tBax0ZzKDbsoH0Rp52e1TBxuA"
        ),
        ("PS512",
              "eyJhbGciOiJQUzUxMiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6MjAwMDAwM"
            + "DAwMCwibmJmIjoxMDAwMDAwMDAwLCJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOlsibXF0dCIsIndlYiJ"
            + "dLCJncm91cHMiOlsic3RhZmYiLCJzaXRlPWZvcmdlZCJdLCJ0ZW5hbnQiOiJhY21lIiwic2l0ZSI6ImJlcmxpbiIsI"
            + "mxpbmVzIjpbMSwyXSwicmVhbG0iOnsibmFtZSI6Im5vcnRoIn19.XVtOHJ6mXhJPB8q-6YZPk9gJS7gbN-eVcK1c4i"
            + "DpPo15W7Q04QB4jCl_0d4nfGdq6ZkPZwpWqrKDtB-H7UnZ4gO3VNETInHvVo2oPT542b94lTGtmGb66VvVy-LVKpaZ"
            + "fTCZoxGHXoZLcxNXwF0KnnRkKHS3p7mWDjQc6nhULqwVA4gggN1Nmi53f6nfpiP3VeXmGU5apPpigsMSjBR8Y4vgwm"
            + "ggWIqVcbxm6Hrdw9zHtZ4KjiwRAr6RUsTohmQ5O9Br6REr8Z05pA2Wl2KTohOfO32tznOGOzFZI2D_00E6htZtDg3I"
            + "FWeNzd5C0qRHOwSWFd7O0eUjlACRVZ3FmA"
        ),
        ("ES256",
              "eyJhbGciOiJFUzI1NiIsImtpZCI6InAyNTYiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhbGljZSIsImV4cCI6MjAwMDA"
            + "wMDAwMCwibmJmIjoxMDAwMDAwMDAwLCJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOlsibXF0dCIsIndlY"
            + "iJdLCJncm91cHMiOlsic3RhZmYiLCJzaXRlPWZvcmdlZCJdLCJ0ZW5hbnQiOiJhY21lIiwic2l0ZSI6ImJlcmxpbiI"
            + "sImxpbmVzIjpbMSwyXSwicmVhbG0iOnsibmFtZSI6Im5vcnRoIn19.vg6f1xYUyR-2dEN2blgVls2-Oumv85lcaA-D"
            + "Votx23xP18okaAR2TAxaurQ3lRY_9VzdFzQHsnT536iXg4GTdw"
        ),
        ("ES384",
              "eyJhbGciOiJFUzM4NCIsImtpZCI6InAzODQiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhbGljZSIsImV4cCI6MjAwMDA"
            + "wMDAwMCwibmJmIjoxMDAwMDAwMDAwLCJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOlsibXF0dCIsIndlY"
            + "iJdLCJncm91cHMiOlsic3RhZmYiLCJzaXRlPWZvcmdlZCJdLCJ0ZW5hbnQiOiJhY21lIiwic2l0ZSI6ImJlcmxpbiI"
            + "sImxpbmVzIjpbMSwyXSwicmVhbG0iOnsibmFtZSI6Im5vcnRoIn19.CT0KdDnxc57QGGVLuIcgxUmqSsnFGd8mhG3v"
            + "y_480g6OLZQMN2cVLLTVc03oq89GlQ6cAMV-p_6kwRaTKNPMEosTRNVyx3l0QdYtTqFk4ungH8RSmBZpgoFdz1is6C"
            + "mi"
        ),
        ("ES512",
              "eyJhbGciOiJFUzUxMiIsImtpZCI6InA1MjEiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhbGljZSIsImV4cCI6MjAwMDA"
            + "wMDAwMCwibmJmIjoxMDAwMDAwMDAwLCJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOlsibXF0dCIsIndlY"
            + "iJdLCJncm91cHMiOlsic3RhZmYiLCJzaXRlPWZvcmdlZCJdLCJ0ZW5hbnQiOiJhY21lIiwic2l0ZSI6ImJlcmxpbiI"
            + "sImxpbmVzIjpbMSwyXSwicmVhbG0iOnsibmFtZSI6Im5vcnRoIn19.ANUYXYfMe3wGfPL3mRmevl30YBfOw_dB9eTN"
            + "4pl-30iojVpqJek-zTG9KG9rbpEjfokIkHcDxXcGINSs8dKW0W3-AQZMSp7PBEw7O8P_Gwasz8JrTX7YkvlOYRz_m-"
            + "pLSGjr1IIAZL_9xisnpYAfQYtM4yfNHLHwtcczcwq1QhdYnjMY"
        ),
        ("EdDSA",
              "eyJhbGciOiJFZERTQSIsImtpZCI6ImVkIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhbGljZSIsImV4cCI6MjAwMDAwMD"
            + "AwMCwibmJmIjoxMDAwMDAwMDAwLCJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOlsibXF0dCIsIndlYiJd"
            + "LCJncm91cHMiOlsic3RhZmYiLCJzaXRlPWZvcmdlZCJdLCJ0ZW5hbnQiOiJhY21lIiwic2l0ZSI6ImJlcmxpbiIsIm"
            + "xpbmVzIjpbMSwyXSwicmVhbG0iOnsibmFtZSI6Im5vcnRoIn19.Npp-J6QxnmFnFBJcd45VstoHkUpxpvOGyPLmmyf"
            + "oPFh4XzxPrb3_lMWSrqxb_mveEucfxfhmHgDoxTaAA303Bg"
        ),
    ]
}
