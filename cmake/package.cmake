# SPDX-License-Identifier: Apache-2.0
# cpack makes a .deb and a tarball of what `cmake --install` installs.
include(GNUInstallDirs)
install(FILES packaging/systemd/lagan@.service packaging/systemd/lagan@.timer DESTINATION lib/systemd/system)
install(FILES packaging/systemd/lagan@.service packaging/systemd/lagan@.timer DESTINATION lib/systemd/user)
install(FILES packaging/examples/laptop.toml packaging/examples/server.toml
  DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES CHANGELOG.md LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES LICENSE RENAME copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(CPACK_GENERATOR DEB TGZ)
set(CPACK_PACKAGE_NAME lagan)
set(CPACK_PACKAGE_VENDOR "lagan maintainers")
set(CPACK_PACKAGE_CONTACT "lagan maintainers <maintainers@lagan.example>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "ca-certificates, fuse3, openssh-client")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "rclone, libnotify-bin, default-mta | mail-transport-agent")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/packaging/debian/prerm)
include(CPack)
