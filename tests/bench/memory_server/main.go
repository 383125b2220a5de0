// The peer of ./dev bench cache: what a Go service does at best that answers one authorized GET from memory. net/http,
// tokens verified once (RS256, standard library) and then found by the SHA-256 of their text until they expire.
//
// usage: memory_server LISTEN JWKS_FILE ISSUER CLIENT_ID SCOPE PATH HEADERS_FILE BODY_FILE
package main

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

const tokensMax = 100_000

type claims struct {
	Issuer   string `json:"iss"`
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`
	TokenUse string `json:"token_use"`
	Expires  int64  `json:"exp"`
}

type verified struct {
	expires time.Time
	scopes  []string
}

type verifier struct {
	keys             map[string]*rsa.PublicKey
	issuer, clientID string
	mutex            sync.RWMutex
	tokens           map[[sha256.Size]byte]verified
}

func decode(part string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(part) }

func readKeys(path string) (map[string]*rsa.PublicKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var set struct {
		Keys []struct{ Kid, N, E string }
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, err
	}
	keys := map[string]*rsa.PublicKey{}
	for _, key := range set.Keys {
		n, err := decode(key.N)
		if err != nil {
			return nil, err
		}
		e, err := decode(key.E)
		if err != nil {
			return nil, err
		}
		keys[key.Kid] = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	}
	return keys, nil
}

func (v *verifier) verify(token string) (verified, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return verified{}, errors.New("not a token")
	}
	var header struct{ Alg, Kid string }
	text, err := decode(parts[0])
	if err != nil || json.Unmarshal(text, &header) != nil || header.Alg != "RS256" {
		return verified{}, errors.New("bad header")
	}
	key := v.keys[header.Kid]
	signature, err := decode(parts[2])
	if key == nil || err != nil {
		return verified{}, errors.New("unknown key")
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature); err != nil {
		return verified{}, err
	}
	var c claims
	text, err = decode(parts[1])
	if err != nil || json.Unmarshal(text, &c) != nil || c.Issuer != v.issuer || c.ClientID != v.clientID || c.TokenUse != "access" {
		return verified{}, errors.New("bad claims")
	}
	return verified{expires: time.Unix(c.Expires, 0), scopes: strings.Fields(c.Scope)}, nil
}

func (v *verifier) check(authorization string) (verified, bool) {
	token, found := strings.CutPrefix(authorization, "Bearer ")
	if !found {
		return verified{}, false
	}
	digest := sha256.Sum256([]byte(token))
	v.mutex.RLock()
	known, found := v.tokens[digest]
	v.mutex.RUnlock()
	if !found {
		var err error
		if known, err = v.verify(token); err != nil {
			return verified{}, false
		}
		v.mutex.Lock()
		if len(v.tokens) >= tokensMax {
			clear(v.tokens)
		}
		v.tokens[digest] = known
		v.mutex.Unlock()
	}
	return known, time.Now().Before(known.expires)
}

func main() {
	if len(os.Args) != 9 {
		log.Fatal("usage: memory_server LISTEN JWKS_FILE ISSUER CLIENT_ID SCOPE PATH HEADERS_FILE BODY_FILE")
	}
	keys, err := readKeys(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	v := &verifier{keys: keys, issuer: os.Args[3], clientID: os.Args[4], tokens: map[[sha256.Size]byte]verified{}}
	scope, path := os.Args[5], os.Args[6]
	var headers [][2]string
	text, err := os.ReadFile(os.Args[7])
	if err != nil || json.Unmarshal(text, &headers) != nil {
		log.Fatal("HEADERS_FILE must be a JSON list of pairs")
	}
	body, err := os.ReadFile(os.Args[8])
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		caller, ok := v.check(r.Header.Get("Authorization"))
		if !ok {
			w.Header().Set("Www-Authenticate", "Bearer")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if !slices.Contains(caller.scopes, scope) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		reply := w.Header()
		for _, header := range headers {
			reply.Set(header[0], header[1])
		}
		w.Write(body)
	})
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, mux))
}
