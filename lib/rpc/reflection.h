// Server reflection, versions 1 and 1alpha, over a DescriptorCatalog. gRPC 1.51 brings 1alpha alone.
#pragma once

#include <memory>

#include "grpcpp/impl/service_type.h"
#include "lib/rpc/descriptor_catalog.h"

namespace stratus::rpc {

// `catalog` outlives the service.
std::unique_ptr<grpc::Service> NewReflectionV1(const DescriptorCatalog& catalog);
std::unique_ptr<grpc::Service> NewReflectionV1Alpha(const DescriptorCatalog& catalog);

}  // namespace stratus::rpc
