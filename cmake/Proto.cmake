# stratus_proto(NAME ROOT dir PROTOS a/b.proto ... [GRPC] [DEPS target ...])
# Compiles .proto files to a static library stratus_NAME (alias stratus::NAME). The generated headers are included by
# their proto path: #include "stratus/weather/v1/weather.pb.h".
set(STRATUS_GEN_DIR ${CMAKE_BINARY_DIR}/gen)
file(MAKE_DIRECTORY ${STRATUS_GEN_DIR})

function(stratus_proto name)
  cmake_parse_arguments(A "GRPC" "ROOT" "PROTOS;DEPS" ${ARGN})
  set(outputs)
  foreach(proto IN LISTS A_PROTOS)
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    set(generated ${STRATUS_GEN_DIR}/${stem}.pb.cc ${STRATUS_GEN_DIR}/${stem}.pb.h)
    set(arguments --cpp_out=${STRATUS_GEN_DIR})
    if(A_GRPC)
      list(APPEND generated ${STRATUS_GEN_DIR}/${stem}.grpc.pb.cc ${STRATUS_GEN_DIR}/${stem}.grpc.pb.h)
      list(APPEND arguments --grpc_out=${STRATUS_GEN_DIR} --plugin=protoc-gen-grpc=${STRATUS_GRPC_CPP_PLUGIN})
    endif()
    add_custom_command(
      OUTPUT ${generated}
      COMMAND protobuf::protoc -I ${A_ROOT} -I ${CMAKE_SOURCE_DIR}/proto -I ${STRATUS_DEPS_DIR}/proto ${arguments} ${proto}
      DEPENDS ${A_ROOT}/${proto}
      VERBATIM)
    list(APPEND outputs ${generated})
  endforeach()
  add_library(stratus_${name} STATIC ${outputs})
  add_library(stratus::${name} ALIAS stratus_${name})
  target_include_directories(stratus_${name} SYSTEM PUBLIC ${STRATUS_GEN_DIR})
  target_link_libraries(stratus_${name} PUBLIC protobuf::libprotobuf ${A_DEPS})
  if(A_GRPC)
    target_link_libraries(stratus_${name} PUBLIC gRPC::grpc++)
  endif()
endfunction()

# stratus_descriptors(OUTPUT.pb ROOT dir PROTOS a/b.proto ...): a self-contained FileDescriptorSet with comments, as the gateway
# takes by --descriptors.
function(stratus_descriptors output)
  cmake_parse_arguments(A "" "ROOT" "PROTOS" ${ARGN})
  set(files)
  foreach(proto IN LISTS A_PROTOS)
    list(APPEND files ${A_ROOT}/${proto})
  endforeach()
  add_custom_command(
    OUTPUT ${output}
    COMMAND protobuf::protoc -I ${A_ROOT} -I ${CMAKE_SOURCE_DIR}/proto -I ${STRATUS_DEPS_DIR}/proto
            --include_imports --include_source_info --descriptor_set_out=${output} ${A_PROTOS}
    DEPENDS ${files}
    VERBATIM)
endfunction()
