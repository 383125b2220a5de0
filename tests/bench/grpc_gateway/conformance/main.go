// The grpc-gateway peer of the conformance page, as its documentation has one set up: usage: conformance LISTEN BACKEND
package main

import (
	"context"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails" // so that it can write them
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	cases "stratus.dev/bench/grpcgateway/gen/stratus/conformance/v1"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: conformance LISTEN BACKEND")
	}
	mux := runtime.NewServeMux()
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64 << 20)),
	}
	if err := cases.RegisterCasesHandlerFromEndpoint(context.Background(), mux, os.Args[2], options); err != nil {
		log.Fatal(err)
	}
	if err := cases.RegisterResponseBodiesHandlerFromEndpoint(context.Background(), mux, os.Args[2], options); err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, mux))
}
