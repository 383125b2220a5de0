// The grpc-gateway peer of ./dev bench, as its documentation has one set up: usage: grpc_gateway LISTEN BACKEND
package main

import (
	"context"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	bench "stratus.dev/bench/grpcgateway/gen/stratus/bench/v1"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: grpc_gateway LISTEN BACKEND")
	}
	mux := runtime.NewServeMux()
	options := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	if err := bench.RegisterBenchServiceHandlerFromEndpoint(context.Background(), mux, os.Args[2], options); err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: mux, Protocols: &protocols}
	log.Fatal(server.Serve(listener))
}
