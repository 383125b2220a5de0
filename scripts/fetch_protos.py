"""Lays out the third-party .proto files under a folder, from the PyPI packages that carry them.

usage: fetch_protos.py OUTPUT_DIR

google/{api,rpc,longrunning} come from googleapis-common-protos. Its google/longrunning/operations_proto.proto is copied
under the name that the Python package registers, google/longrunning/operations.proto: under any other name a Python
client would register the same messages twice and fail. gRPC's reflection protos are written as descriptor sets, because
grpcio-reflection ships descriptors alone; version 1 is version 1alpha with the package renamed (they do not differ
otherwise).
"""

import pathlib
import shutil
import sys

from google import api, longrunning, rpc
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2


def package_dir(module):
    return pathlib.Path(list(module.__path__)[0])


def main():
    output = pathlib.Path(sys.argv[1])
    for module, folder in ((api, "api"), (rpc, "rpc")):
        target = output / "google" / folder
        target.mkdir(parents=True, exist_ok=True)
        for proto in package_dir(module).glob("*.proto"):
            shutil.copyfile(proto, target / proto.name)
    target = output / "google" / "longrunning"
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(package_dir(longrunning) / "operations_proto.proto", target / "operations.proto")

    for version in ("v1alpha", "v1"):
        file = descriptor_pb2.FileDescriptorProto()
        reflection_pb2.DESCRIPTOR.CopyToProto(file)
        file.name = f"grpc/reflection/{version}/reflection.proto"
        file.package = f"grpc.reflection.{version}"
        for message in file.message_type:
            for field in message.field:
                if not field.HasField("type_name"):
                    continue  # assigning "" would set it, and protoc refuses a scalar with a type name
                field.type_name = field.type_name.replace(".grpc.reflection.v1alpha.", f".{file.package}.")
        for service in file.service:
            for method in service.method:
                method.input_type = method.input_type.replace(".grpc.reflection.v1alpha.", f".{file.package}.")
                method.output_type = method.output_type.replace(".grpc.reflection.v1alpha.", f".{file.package}.")
        target = output / "grpc" / "reflection" / version
        target.mkdir(parents=True, exist_ok=True)
        descriptors = descriptor_pb2.FileDescriptorSet(file=[file])
        (target / "reflection.pb").write_bytes(descriptors.SerializeToString())


if __name__ == "__main__":
    main()
